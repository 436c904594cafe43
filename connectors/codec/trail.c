/* SPDX-License-Identifier: Apache-2.0 */
/* See trail.h. */
#include "codec/trail.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "codec/text.h"

bool mr_trail_reason(mr_trail *trail, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(trail->reason, sizeof trail->reason, format, args);
    va_end(args);
    return false;
}

bool mr_trail_inside(mr_trail *trail, const char *name)
{
    enum { LONGEST_CHARACTER = 4 };
    char part[80];
    size_t len = 0;
    for (size_t left = strlen(name), step; left && len + LONGEST_CHARACTER < sizeof part;
         left -= step) {
        step = mr_utf8_length(name, left);
        bool plain = step && (unsigned char)*name >= 0x20;
        step = step ? step : 1;
        memcpy(part + len, plain ? name : "?", plain ? step : 1);
        len += plain ? step : 1;
        name += step;
    }
    bool dot = trail->path[trail->at] && trail->path[trail->at] != '[';
    if (len + dot <= trail->at) {
        trail->at -= len + dot;
        memcpy(trail->path + trail->at, part, len);
        if (dot) {
            trail->path[trail->at + len] = '.';
        }
    }
    return false;
}

bool mr_trail_inside_item(mr_trail *trail, size_t index)
{
    char part[32];
    snprintf(part, sizeof part, "[%zu]", index);
    return mr_trail_inside(trail, part);
}
