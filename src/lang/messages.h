/* Messages that several files of the language room give. */
#ifndef SQLFLOW_LANG_MESSAGES_H
#define SQLFLOW_LANG_MESSAGES_H

#define MALFORMED_VARIABLE "malformed ${…}: %s"
#define VARIABLE_HINT                                                                              \
    "write ${name}, ${name|default} or ${name|'default text'}; \\${ is a literal ${"

#endif
