/* src/conf/files.h -- the main file and all that it includes, as one tree */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct node;
struct yaml;

#define FILE_MOST	(16u << 20)	/* bytes of one */
#define FILES_BYTES_MOST (64u << 20)	/* of all together */
#define FILES_MOST	1000		/* included ones */
#define FILES_DEPTH_MOST 4		/* the main file is at 0 */

/*
 * A file's patterns are taken in their order, what matches one of them in the
 * order of its bytes, and what these include right behind them. Lists of the
 * top level are appended in this order, maps are united; any other key that is
 * given twice, here or in such a map, is an error. The key `include` is gone.
 *
 * *root lies in y->arena; NULL: nothing is there. The digest is that of all
 * bytes in the order of reading. False (reported): something could not be
 * read, so that a name that seems to lead nowhere may be declared there.
 */
bool files_read(const char *name, struct yaml *y, struct node **root,
    uint8_t sha256[32]);
