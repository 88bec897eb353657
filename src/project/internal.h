/* What the files of the project room share. */
#ifndef SQLFLOW_PROJECT_INTERNAL_H
#define SQLFLOW_PROJECT_INTERNAL_H

#include "project/project.h"

/* Reads NAME=value lines into project->dotenv; a missing file is fine. */
bool dotenv_read(Project *project, const char *path, const char *shown_as, Error *err);
/* Fills project->profile (its name and path are set) from the tree; problems go to diags. */
void profile_fill(Project *project, const Value *root, Diags *diags);
/* Fills profile->connections from `connections:` or `connectors:`. */
void profile_add_connections(Project *project, const Value *section, Diags *diags);
/* A text file as a source; NULL with err filled. */
SourceText *source_read(Arena *arena, const char *path, const char *shown_as, Error *err);

#endif
