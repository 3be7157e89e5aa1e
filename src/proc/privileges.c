/* src/proc/privileges.c -- from root to the configured user, for good */
#include "proc/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "core/log.h"
#include "core/memory.h"

#ifndef DEFAULT_USER
#define DEFAULT_USER "fairlead"
#endif

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_LEAK_CHECK 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define HAS_LEAK_CHECK 1
#endif

/* Who children become; uid 0: nobody else. */
struct target {
	char *name;
	uid_t uid;
	gid_t gid;
	gid_t *groups;		/* looked up once: it may ask a directory */
	int n_groups;
	bool is_default;	/* nobody has named it */
};

static struct target target;
static struct target before;	/* until it is kept; no name: nobody */

static const struct passwd *
find_user(const char *user)
{
	const struct passwd *pw = getpwnam(user != NULL ? user : DEFAULT_USER);

	if (pw == NULL && user == NULL)
		pw = getpwnam("nobody");
	return pw;
}

static int
find_groups(void)
{
	int n = 0;

	/* Says how many there are, then gives them. */
	(void)getgrouplist(target.name, target.gid, NULL, &n);
	target.groups = xcalloc((size_t)n + 1, sizeof(*target.groups));
	target.n_groups = n;
	if (getgrouplist(target.name, target.gid, target.groups,
	    &target.n_groups) >= 0)
		return 0;
	log_error(NULL, "the groups of the user %s cannot be told",
	    target.name);
	return -1;
}

/* A reload should not ask a directory that may not answer. */
static bool
is_known(const char *user)
{
	return target.name != NULL && (user == NULL ? target.is_default :
	    strcmp(user, target.name) == 0);
}

static void
forget(struct target *t)
{
	free(t->name);
	free(t->groups);
	*t = (struct target){ .name = NULL };
}

static void
restore(void)
{
	forget(&target);
	target = before;
	before = (struct target){ .name = NULL };
}

void
privileges_keep(void)
{
	forget(&before);
}

/* Behind an upgrade there was nobody: children never become root for that. */
void
privileges_undo(void)
{
	if (before.name != NULL)
		restore();
}

int
privileges_find(const char *user)
{
	const struct passwd *pw;

	if (geteuid() != 0) {
		if (user != NULL)
			log_notice(NULL, "user %s is ignored: not started as "
			    "root", user);
		return 0;
	}
	if (is_known(user))
		return 0;
	pw = find_user(user);
	if (pw == NULL) {
		log_error(NULL, "there is no user %s to run as",
		    user != NULL ? user : DEFAULT_USER " and no user nobody");
		return -1;
	}
	if (pw->pw_uid == 0)
		log_warn(NULL, "workers run as root: user is %s", pw->pw_name);
	privileges_keep();
	before = target;
	target = (struct target){
		.name = xstrdup(pw->pw_name), .is_default = user == NULL,
		.uid = pw->pw_uid, .gid = pw->pw_gid,
	};
	if (find_groups() == 0)
		return 0;
	restore();
	return -1;
}

static bool
can_regain_root(void)
{
	return setresuid(0, 0, 0) == 0 || seteuid(0) == 0 ||
	    getuid() == 0 || geteuid() == 0;
}

/* A process that changed its user cannot be traced by its own user, which is
 * as it should be, but for the leak check of a sanitizer's build. */
static void
allow_leak_check(void)
{
#ifdef HAS_LEAK_CHECK
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
#endif
}

int
privileges_drop(void)
{
	if (target.uid == 0)
		return 0;
	if (setgroups((size_t)target.n_groups, target.groups) < 0 ||
	    setresgid(target.gid, target.gid, target.gid) < 0 ||
	    setresuid(target.uid, target.uid, target.uid) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
		log_write_errno(LOG_ERROR, NULL, "cannot become user %s",
		    target.name);
		return -1;
	}
	if (can_regain_root()) {
		log_alert(NULL, "root can be had again as user %s",
		    target.name);
		return -1;
	}
	allow_leak_check();
	return 0;
}
