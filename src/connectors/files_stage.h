/* Where an export to a local file keeps what it has staged, and the folders that it made. All names
 * follow from the destination and the export's id, so that any later process finds them. */
#ifndef SQLFLOW_CONNECTORS_FILES_STAGE_H
#define SQLFLOW_CONNECTORS_FILES_STAGE_H

#include "connectors/files.h"

typedef struct StagePaths {
    const char *destination; /* the link's target when the destination is a symbolic link */
    const char *folder;      /* that it lies in */
    const char *staged;      /* .name.sqlflow-ID.tmp beside it */
    const char *marker;      /* name of a file in each folder that this export made or staged */
} StagePaths;

/* From what was staged: a later process may run in another folder. */
StagePaths staged_paths(Arena *arena, const WriteSpec *spec, const Staged *staged);
/* Size of a file, or of all in a folder, and its hash (NULL: a folder, or too large a file). */
bool stage_measure(Arena *arena, const char *path, Staged *staged, Error *err);
/* Removes the markers of those folders, and the folders when `remove` and nothing else is in. */
void stage_settle_folders(Arena *arena, const StagePaths *paths, bool remove);
/* An export replaces a folder as a whole: false with err when it holds anything else than data. */
bool stage_may_replace(Arena *arena, const Link *link, const StagePaths *paths, Error *err);

#endif
