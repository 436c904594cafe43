/* SPDX-License-Identifier: Apache-2.0 */
/* See show.h. No escape sequence ever goes to something that is no terminal. */
#include "cli/show.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/alloc.h"

size_t mr_show_width(FILE *out)
{
    struct winsize size;
    if (!isatty(fileno(out)) || ioctl(fileno(out), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
        return 80;
    }
    return size.ws_col < 40 ? 40 : size.ws_col > 100 ? 100 : size.ws_col;
}

static bool fancy(FILE *out)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(fileno(out)) && !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
}

void mr_show_heading(FILE *out, const char *text)
{
    bool bold = fancy(out);
    fprintf(out, "%s%s%s\n", bold ? "\033[1m" : "", text, bold ? "\033[0m" : "");
}

/* Characters, not bytes. */
static size_t columns(const char *text, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        n += ((unsigned char)text[i] & 0xC0) != 0x80;
    }
    return n;
}

/* One line of the text, broken where it is too long. */
static void show_line(FILE *out, size_t indent, size_t width, const char *line, size_t len)
{
    size_t column = 0;
    fprintf(out, "%*s", len ? (int)indent : 0, "");
    for (size_t i = 0; i < len;) {
        size_t word = 0;
        while (i + word < len && line[i + word] != ' ') {
            word++;
        }
        size_t wide = columns(line + i, word);
        if (column && indent + column + 1 + wide > width) {
            fprintf(out, "\n%*s", (int)indent, "");
            column = 0;
        } else if (column) {
            fputc(' ', out);
            column++;
        }
        fwrite(line + i, 1, word, out);
        column += wide;
        i += word;
        while (i < len && line[i] == ' ') {
            i++;
        }
    }
    fputc('\n', out);
}

void mr_show_text(FILE *out, size_t indent, const char *text)
{
    size_t width = mr_show_width(out);
    while (*text) {
        size_t len = strcspn(text, "\n");
        if (*text == ' ' || *text == '|') { /* code, or a table: as it is */
            fprintf(out, "%*s%.*s\n", (int)indent, "", (int)len, text);
        } else {
            show_line(out, indent, width, text, len);
        }
        text += len + (text[len] == '\n');
    }
}

void mr_show_table(FILE *out, const char *align, const char *const *cells, size_t rows)
{
    size_t count = strlen(align);
    size_t *widths = mr_calloc(count, sizeof *widths);
    for (size_t i = 0; i < rows * count; i++) {
        size_t wide = columns(cells[i], strlen(cells[i]));
        widths[i % count] = wide > widths[i % count] ? wide : widths[i % count];
    }
    for (size_t r = 0; r < rows; r++) {
        const char *bold = r == 0 && fancy(out) ? "\033[1m" : "";
        fputs(bold, out);
        for (size_t c = 0; c < count; c++) {
            const char *cell = cells[r * count + c];
            int pad = (int)(widths[c] - columns(cell, strlen(cell)));
            bool last = c + 1 == count;
            fprintf(out, "%*s%s%*s%s", align[c] == 'r' ? pad : 0, "", cell,
                    align[c] == 'r' || last ? 0 : pad, "", last ? "" : "  ");
        }
        fprintf(out, "%s\n", *bold ? "\033[0m" : "");
    }
    free(widths);
}

char *mr_show_count(uint64_t n)
{
    char *digits = mr_format("%llu", (unsigned long long)n);
    size_t len = strlen(digits);
    char *out = mr_alloc(len + len / 3 + 1), *at = out;
    for (size_t i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0) {
            *at++ = ',';
        }
        *at++ = digits[i];
    }
    *at = '\0';
    free(digits);
    return out;
}
