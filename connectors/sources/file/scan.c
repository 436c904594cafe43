/* SPDX-License-Identifier: Apache-2.0 */
/* Which files there are: a folder, with those below it if wanted, or the matches of a glob. Folders
 * that are symbolic links are not followed, so that no walk is endless. */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cleanup.h"
#include "catalog.h"
#include "identity.h"

enum { DEEPEST = 32 };

static bool excluded(const file_catalog *catalog, const char *name)
{
    const char *slash = strrchr(name, '/'), *last = slash ? slash + 1 : name;
    for (size_t i = 0; i < catalog->exclude.count; i++) {
        const char *pattern = catalog->exclude.items[i];
        if (fnmatch(pattern, name, 0) == 0 || fnmatch(pattern, last, 0) == 0) {
            return true;
        }
    }
    return false;
}

/* Does it lie in the folder that finished files are moved to? */
static bool put_away(const file_catalog *catalog, const char *path)
{
    size_t len = catalog->finished_folder ? strlen(catalog->finished_folder) : 0;
    return len && strncmp(path, catalog->finished_folder, len) == 0 &&
           (path[len] == '/' || !path[len]);
}

/* A file of that name is there. */
static void found(file_catalog *catalog, const char *name, const char *path)
{
    struct stat st;
    if (excluded(catalog, name) || put_away(catalog, path) || stat(path, &st) != 0 ||
        !S_ISREG(st.st_mode)) {
        return; /* not wanted, gone again, or nothing to read */
    }
    file_entry *entry = file_catalog_entry(catalog, name);
    if (!entry->path || strcmp(entry->path, path) != 0) {
        free(entry->path);
        entry->path = mr_strdup(path);
    }
    entry->present = true;
    entry->now = file_look_of(&st);
}

static bool is_folder(const struct dirent *item, const char *path)
{
    struct stat st;
    return item->d_type == DT_DIR ||
           (item->d_type == DT_UNKNOWN && lstat(path, &st) == 0 && S_ISDIR(st.st_mode));
}

static bool wanted_here(const file_catalog *catalog, const char *name)
{
    if (catalog->pattern) {
        return fnmatch(catalog->pattern, name, FNM_PERIOD) == 0;
    }
    return name[0] != '.' && file_name_known(name, catalog->wanted);
}

/* `under`: "" or the names of folders below the path, each with its slash. */
static mr_status scan_folder(file_catalog *catalog, const char *under, int depth, mr_error *err)
{
    size_t len = strlen(catalog->path);
    const char *slash = len && catalog->path[len - 1] == '/' ? "" : "/";
    mr_auto_free char *folder_path = mr_format("%s%s%s", catalog->path, slash, under);
    DIR *folder = opendir(folder_path);
    struct dirent *item;
    mr_status status = MR_OK;
    if (!folder && depth && (errno == ENOENT || errno == ENOTDIR)) {
        return MR_OK; /* removed meanwhile */
    }
    if (!folder) {
        int number = errno;
        mr_fail(err, MR_FATAL, MR_DOMAIN_FILE, "cannot open the folder \"%s\": %s", folder_path,
                strerror(number));
        mr_error_code(mr_error_field(err, "path"), number, "");
        return MR_FATAL;
    }
    while (status == MR_OK && (item = readdir(folder))) {
        mr_auto_free char *name = mr_format("%s%s", under, item->d_name);
        mr_auto_free char *path = mr_format("%s%s", folder_path, item->d_name);
        if (is_folder(item, path)) {
            mr_auto_free char *below = mr_format("%s/", name);
            if (catalog->recursive && depth < DEEPEST && item->d_name[0] != '.' &&
                !excluded(catalog, name) && !put_away(catalog, path)) {
                status = scan_folder(catalog, below, depth + 1, err);
            }
        } else if (wanted_here(catalog, item->d_name)) {
            found(catalog, name, path);
        }
    }
    closedir(folder);
    return status;
}

/* Length of the folder that all matches of a glob share. */
static size_t fixed_part(const char *pattern)
{
    size_t len = strcspn(pattern, "*?[");
    while (len && pattern[len - 1] != '/') {
        len--;
    }
    return len;
}

static mr_status scan_glob(file_catalog *catalog, mr_error *err)
{
    glob_t matches = {0};
    int status = glob(catalog->path, GLOB_NOSORT, NULL, &matches);
    if (status != 0 && status != GLOB_NOMATCH) {
        return mr_fail(err, MR_FATAL, MR_DOMAIN_FILE, "path: cannot list the files of \"%s\"",
                       catalog->path);
    }
    for (size_t i = 0; i < matches.gl_pathc; i++) {
        found(catalog, matches.gl_pathv[i] + fixed_part(catalog->path), matches.gl_pathv[i]);
    }
    globfree(&matches);
    return MR_OK;
}

static mr_status scan(file_catalog *catalog, mr_error *err)
{
    if (catalog->kind == FILE_FOLDER) {
        return scan_folder(catalog, "", 0, err);
    }
    if (catalog->kind == FILE_GLOB) {
        return scan_glob(catalog, err);
    }
    const char *slash = strrchr(catalog->path, '/');
    found(catalog, slash ? slash + 1 : catalog->path, catalog->path);
    return MR_OK;
}

mr_status file_catalog_scan(file_catalog *catalog, mr_error *err)
{
    for (size_t i = 0; i < catalog->count; i++) {
        catalog->entries[i]->present = false;
    }
    mr_status status = scan(catalog, err);
    for (size_t i = 0; i < catalog->count && status == MR_OK; i++) {
        file_entry *entry = catalog->entries[i];
        entry->missed = entry->present ? 0 : entry->missed + 1;
    }
    return status;
}
