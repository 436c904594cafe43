/* SPDX-License-Identifier: Apache-2.0 */
/* The whole file is read once, whatever infer.bytes says: what is written for an edit is meant to
 * last. */
#include "look.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "avro_look.h"
#include "base/arena.h"
#include "infer.h"
#include "ndjson.h"
#include "settings.h"

static mr_status open_file(const char *path, int *fd, mr_error *err)
{
    struct stat st;
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (*fd < 0 || fstat(*fd, &st) != 0) {
        int number = errno;
        mr_fail(err, MR_FATAL, MR_DOMAIN_FILE, "cannot read \"%s\": %s", path, strerror(number));
        mr_error_code(mr_error_field(err, "path"), number, "");
        return MR_FATAL;
    }
    if (!S_ISREG(st.st_mode)) {
        close(*fd);
        mr_fail(err, MR_FATAL, MR_DOMAIN_FILE,
                "\"%s\" is not a regular file; of a folder or a pattern name one of the files",
                path);
        mr_error_field(err, "path");
        return MR_FATAL;
    }
    return MR_OK;
}

static mr_status look_at_lines(int fd, const file_format *format, const file_sample *sample,
                               mr_look *ret, mr_error *err)
{
    file_survey *survey = sample->survey;
    char *json;
    mr_status status = format->kind == FILE_NDJSON ? file_infer_json(fd, format, sample, &json, err)
                                                   : file_infer(fd, format, sample, &json, err);
    if (status != MR_OK) {
        return status;
    }
    if (json) {
        ret->schema = mr_arena_strndup(survey->arena, json, strlen(json));
    }
    free(json);
    file_survey_tell(survey, ret);
    if (!ret->hint && format->kind == FILE_CSV) {
        ret->hint = file_survey_hint(survey);
    }
    return MR_OK;
}

mr_status file_look_at(const void *state, mr_arena *arena, mr_look *ret, mr_error *err)
{
    const file_state *self = state;
    file_survey survey = {.arena = arena};
    file_sample sample = {
        .record_name = self->record_name,
        .naming = file_naming_of(self),
        .bytes = INT64_MAX,
        .complete = true,
        .survey = &survey,
    };
    const file_format format = file_format_for(self, self->path);
    int fd;
    *ret = (mr_look){0};
    file_zone *zone;
    mr_status status = file_texts_of(self, &sample.texts, &zone, err);
    if (status == MR_OK) {
        status = open_file(self->path, &fd, err);
    }
    if (status == MR_OK) {
        status = format.kind == FILE_AVRO ? file_look_avro(fd, &format, arena, ret, err)
                                          : look_at_lines(fd, &format, &sample, ret, err);
    }
    file_zone_free(zone);
    return status;
}
