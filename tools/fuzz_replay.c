/* Stands in for libFuzzer in ordinary builds: feeds each file of a corpus to the fuzz target.
 * The folder is tests/fuzz/corpus/NAME for a program named fuzz_NAME, or the arguments. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The data is copied to memory of exactly its size, so that ASan sees a read past the end. */
static void replay_file(const char *path) {
    struct stat info;
    FILE *file = fopen(path, "rb");
    if (!file || fstat(fileno(file), &info) != 0) {
        perror(path);
        exit(1);
    }
    size_t size = (size_t)info.st_size;
    uint8_t *data = malloc(size ? size : 1);
    if (!data || fread(data, 1, size, file) != size) {
        fprintf(stderr, "%s: cannot be read\n", path);
        exit(1);
    }
    fclose(file);
    fprintf(stderr, "%s\n", path);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
}

static int replay_folder(const char *folder) {
    struct dirent **entries = NULL;
    int files = 0;
    int count = scandir(folder, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char *path = NULL;
        if (entries[i]->d_name[0] != '.' &&
            asprintf(&path, "%s/%s", folder, entries[i]->d_name) > 0) {
            replay_file(path);
            files++;
        }
        free(path);
        free(entries[i]);
    }
    free(entries);
    return files;
}

int main(int argc, char **argv) {
    int files = 0;
    for (int i = 1; i < argc; i++, files++)
        replay_file(argv[i]);
    if (argc == 1) {
        const char *slash = strrchr(argv[0], '/');
        const char *name = slash ? strstr(slash, "fuzz_") : NULL;
        char *folder = NULL;
        if (asprintf(&folder, "tests/fuzz/corpus/%s", name ? name + strlen("fuzz_") : "") > 0)
            files = replay_folder(folder);
        free(folder);
    }
    printf("%d inputs replayed\n", files);
    return files ? 0 : 1;
}
