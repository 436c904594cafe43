/* SPDX-License-Identifier: Apache-2.0 */
/* Text for a terminal: width, headings, paragraphs, tables. */
#ifndef MR_CLI_SHOW_H
#define MR_CLI_SHOW_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Columns of the terminal behind `out`, within 40..100; 80 when it is none. */
size_t mr_show_width(FILE *out);

/* A heading: bold on a terminal, unless NO_COLOR is set. */
void mr_show_heading(FILE *out, const char *text);

/* Text broken at blanks into lines that start with `indent` blanks; paragraphs and lines that start
 * with blanks are kept as they are. */
void mr_show_text(FILE *out, size_t indent, const char *text);

/* Columns aligned to their widest cell; the first row is the heading. Cells are row after row; a
 * column whose letter in `align` is 'r' is right-aligned. */
void mr_show_table(FILE *out, const char *align, const char *const *cells, size_t rows);

/* 1234567 as "1,234,567"; to be freed. */
char *mr_show_count(uint64_t n);

#endif
