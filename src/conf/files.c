/* src/conf/files.c -- the main file and all that it includes, as one tree */
#include "conf/files.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/internal.h"
#include "conf/merge.h"
#include "conf/yaml.h"
#include "core/assert.h"

#define WILDCARDS	"*?["

struct file {
	const char *name;	/* in y->arena */
	struct place from;	/* the pattern that names it */
	dev_t device;
	ino_t inode;
	bool is_open;		/* what it includes is being read */
};

struct files {
	struct yaml *y;
	struct diagnostics *d;	/* y->d */
	EVP_MD_CTX *digest;
	struct merge merge;
	struct file all[FILES_MOST + 1];	/* as diag_source() numbers */
	uint32_t n;
	size_t bytes;
	bool is_whole;		/* nothing is missing */
	bool is_stopped;	/* nothing more is read */
};

static void include(struct files *fs, uint32_t from, const struct node *value,
    unsigned depth);

/* The whole of a descriptor, at most FILE_MOST + 1 bytes; NULL and errno. */
static char *
read_all(int fd, size_t *len)
{
	size_t size = 64u << 10;
	char *text = xmalloc(size);
	ssize_t n;

	*len = 0;
	for (;;) {
		n = read(fd, text + *len, size - *len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		*len += (size_t)n;
		if (*len > FILE_MOST)
			break;
		if (*len == size)
			text = xrealloc(text, size *= 2);
	}
	if (n >= 0)
		return text;
	free(text);
	return NULL;
}

/* Nothing is judged that what is behind it may change. */
static void
give_up(struct files *fs)
{
	fs->is_whole = false;
	fs->is_stopped = true;
}

static bool
check_size(struct files *fs, size_t len)
{
	struct place whole = { .column = 1, .file = fs->n - 1 };

	fs->bytes += len;
	if (len > FILE_MOST)
		diag_error(fs->d, whole, "the file is larger than %u MiB",
		    FILE_MOST >> 20);
	else if (fs->bytes > FILES_BYTES_MOST)
		diag_error(fs->d, whole, "with this file the configuration is "
		    "larger than %u MiB", FILES_BYTES_MOST >> 20);
	else
		return true;
	give_up(fs);
	return false;
}

/* Takes the key out. NULL: there is none. */
static const struct node *
take_include(struct node *map)
{
	struct node **link, *key;

	for (link = &map->first; *link != NULL; link = &(*link)->next) {
		key = *link;
		if (key->kind == NODE_SCALAR &&
		    span_equal(key->text, SPAN("include"))) {
			*link = key->next;
			return key->value;
		}
	}
	return NULL;
}

/* The main file may be anything: read_typed() has the words for that. */
static bool
check_map(struct files *fs, struct node *root)
{
	if (root->kind == NODE_MAP)
		return true;
	if (fs->n == 1)
		fs->merge.root = root;
	else if (root->kind != NODE_BROKEN && !node_is_unset(root))
		diag_error(fs->d, root->at, "a configuration is a map of "
		    "keys; begin it with one, as in \"routes:\"");
	return false;
}

/* The last one: its tree, then what it includes. Takes `bytes` over. */
static void
read_tree(struct files *fs, const char *name, char *bytes, size_t len,
    unsigned depth)
{
	struct span text = span_of(bytes, len);
	uint32_t number = diag_source(fs->d, name, text);
	const struct node *value;
	struct node *root;

	ASSERT(number == fs->n - 1);
	if (!check_size(fs, len))
		return;
	EVP_DigestUpdate(fs->digest, bytes, len);
	if (!yaml_read(fs->y, text, number, &root)) {
		give_up(fs);
		return;
	}
	if (root == NULL || !check_map(fs, root))
		return;
	value = take_include(root);
	merge_add(&fs->merge, root);
	if (value == NULL)
		return;
	fs->all[number].is_open = true;
	include(fs, number, value, depth);
	fs->all[number].is_open = false;
}

/* ---- included files */

static bool
is_known(struct files *fs, const struct stat *st, const char *name,
    struct place at)
{
	char word[QUOTE_MAX];
	struct diagnostic *e;
	uint32_t i = 0;

	while (i < fs->n && (fs->all[i].device != st->st_dev ||
	    fs->all[i].inode != st->st_ino))
		i++;
	if (i == fs->n)
		return false;
	quote(word, span_str(name));
	e = diag_error(fs->d, at, fs->all[i].is_open ?
	    "\"%s\" would include itself" : "\"%s\" is included twice", word);
	if (i == 0)
		diag_note(e, "it is the main file");
	else
		diag_note_place(fs->d, e, fs->all[i].from, "it is included");
	return true;
}

/* NULL: it may be read. */
static const char *
why_not(int fd, struct stat *st)
{
	if (fd < 0 || fstat(fd, st) < 0)
		return strerror(errno);
	if (S_ISDIR(st->st_mode))
		return "it is a directory; write a pattern, as in "
		    "conf.d/*.yaml";
	return S_ISREG(st->st_mode) ? NULL : "it is no regular file";
}

static void
add_file(struct files *fs, const char *name, struct place from,
    const struct stat *st)
{
	fs->all[fs->n++] = (struct file){ .name = name, .from = from,
		.device = st->st_dev, .inode = st->st_ino };
}

static void
include_open(struct files *fs, int fd, const char *name, struct place at,
    unsigned depth)
{
	const char *why;
	char *bytes, word[QUOTE_MAX];
	struct stat st;
	size_t len;

	why = why_not(fd, &st);
	if (why == NULL && is_known(fs, &st, name, at))
		return;
	bytes = why == NULL ? read_all(fd, &len) : NULL;
	if (bytes == NULL) {
		fs->is_whole = false;
		diag_error(fs->d, at, "\"%s\" cannot be read: %s",
		    quote(word, span_str(name)),
		    why != NULL ? why : strerror(errno));
		return;
	}
	add_file(fs, name, at, &st);
	read_tree(fs, name, bytes, len, depth);
}

/* Without waiting for whoever writes into a pipe. */
static void
include_file(struct files *fs, const char *name, struct place at,
    unsigned depth)
{
	const char *kept = arena_str(fs->y->arena, span_str(name));
	int fd;

	if (fs->n > FILES_MOST) {
		diag_error(fs->d, at, "more than %d files are included",
		    FILES_MOST);
		give_up(fs);
		return;
	}
	fd = open(kept, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	include_open(fs, fd, kept, at, depth);
	if (fd >= 0)
		close(fd);
}

/* A folder that is not there has no files; any other trouble is one. */
static int
on_glob_error(const char *path UNUSED, int error)
{
	return error != ENOENT && error != ENOTDIR;
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
include_matches(struct files *fs, const char *pattern, struct place at,
    unsigned depth)
{
	char word[QUOTE_MAX];
	glob_t found;
	int status;

	status = glob(pattern, GLOB_NOSORT, on_glob_error, &found);
	if (status == GLOB_ABORTED || status == GLOB_NOSPACE) {
		fs->is_whole = false;
		diag_error(fs->d, at, "\"%s\": the folder cannot be read: %s",
		    quote(word, span_str(pattern)), strerror(errno));
	}
	if (status != 0)
		return;
	qsort(found.gl_pathv, found.gl_pathc, sizeof(char *), compare_names);
	for (size_t i = 0; i < found.gl_pathc && !fs->is_stopped; i++)
		include_file(fs, found.gl_pathv[i], at, depth);
	globfree(&found);
}

/* Behind the folder of `from`; for glob() that is taken as it is. */
static char *
join(struct files *fs, const char *from, const char *pattern, bool is_glob)
{
	const char *slash = strrchr(from, '/');
	size_t folder = slash == NULL || *pattern == '/' ? 0 :
	    (size_t)(slash - from) + 1;
	char *path = arena_alloc(fs->y->arena,
	    2 * folder + strlen(pattern) + 1), *end = path;

	for (size_t i = 0; i < folder; i++) {
		if (is_glob && strchr(WILDCARDS "]\\", from[i]) != NULL)
			*end++ = '\\';
		*end++ = from[i];
	}
	strcpy(end, pattern);
	return path;
}

static void
include_pattern(struct files *fs, uint32_t from, const char *pattern,
    struct place at, unsigned depth)
{
	bool is_glob = strpbrk(pattern, WILDCARDS) != NULL;
	char *path = join(fs, fs->all[from].name, pattern, is_glob);

	diag_add_source(fs->d, path, is_glob);
	if (is_glob)
		include_matches(fs, path, at, depth);
	else
		include_file(fs, path, at, depth);
}

static void
include(struct files *fs, uint32_t from, const struct node *value,
    unsigned depth)
{
	struct file_conf f = { .workers = 0 };
	const char *const *patterns;
	const struct node *n;

	if (depth == FILES_DEPTH_MOST) {
		diag_error(fs->d, value->at, "files include each other deeper "
		    "than %d levels", FILES_DEPTH_MOST);
		fs->is_whole = false;
		return;
	}
	read_include(&f, value, fs->y->arena, fs->d);
	patterns = f.include.items;
	n = value->kind == NODE_LIST ? value->first : value;
	for (size_t i = 0; i < f.include.n && !fs->is_stopped; i++) {
		if (patterns[i] == NULL)
			fs->is_whole = false;
		else
			include_pattern(fs, from, patterns[i], n->at,
			    depth + 1);
		n = n->next;
	}
}

/* ---- the main file */

/* It may be a pipe, and is waited for. */
static void
read_main(struct files *fs, const char *name)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	char *bytes = NULL;
	struct stat st;
	size_t len = 0;

	diag_add_source(fs->d, name, false);
	if (fd >= 0 && fstat(fd, &st) == 0)
		bytes = read_all(fd, &len);
	if (bytes == NULL) {
		diag_source(fs->d, name, span_of(NULL, 0));
		diag_error(fs->d, PLACE_FILE, "cannot be read: %s",
		    strerror(errno));
		give_up(fs);
	} else {
		add_file(fs, name, PLACE_FILE, &st);
		read_tree(fs, name, bytes, len, 0);
	}
	if (fd >= 0)
		close(fd);
}

bool
files_read(const char *name, struct yaml *y, struct node **root,
    uint8_t sha256[32])
{
	struct files *fs = xnew(struct files);
	bool is_whole;

	*fs = (struct files){ .y = y, .d = y->d, .merge = { .y = y },
		.digest = EVP_MD_CTX_new(), .is_whole = true };
	ASSERT(fs->digest != NULL &&
	    EVP_DigestInit_ex(fs->digest, EVP_sha256(), NULL) == 1);
	read_main(fs, name);
	if (fs->n > 1 && !fs->is_stopped)
		merge_check(&fs->merge);
	EVP_DigestFinal_ex(fs->digest, sha256, NULL);
	EVP_MD_CTX_free(fs->digest);
	*root = fs->is_stopped ? NULL : fs->merge.root;
	is_whole = fs->is_whole;
	free(fs);
	return is_whole;
}
