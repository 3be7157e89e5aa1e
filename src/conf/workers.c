/* src/conf/workers.c -- how many CPUs there are for us */
#include "conf/conf.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/schema.h"

#define CPUS_MOST	16384

static int
affinity_cpus(void)
{
	size_t size = CPU_ALLOC_SIZE(CPUS_MOST);
	cpu_set_t *set = CPU_ALLOC(CPUS_MOST);
	int n = 1;

	if (set == NULL)
		return 1;
	if (sched_getaffinity(0, size, set) == 0)
		n = CPU_COUNT_S(size, set);
	CPU_FREE(set);
	return n;
}

/* Our cgroup in the version 2 hierarchy: the line "0::/path". */
static bool
cgroup_path(char *path, size_t size)
{
	FILE *f = fopen("/proc/self/cgroup", "re");
	bool is_found = false;

	if (f == NULL)
		return false;
	while (!is_found && fgets(path, (int)size, f) != NULL)
		is_found = strncmp(path, "0::/", 4) == 0;
	fclose(f);
	if (!is_found)
		return false;
	path[strcspn(path, "\n")] = '\0';
	memmove(path, path + 3, strlen(path + 3) + 1);
	return true;
}

/* Whole CPUs of "QUOTA PERIOD", rounded up; 0: "max", no limit. */
static int
quota_cpus(const char *dir)
{
	char name[4352];
	unsigned long quota, period;
	FILE *f;
	int cpus = 0;

	snprintf(name, sizeof(name), "/sys/fs/cgroup%s/cpu.max", dir);
	f = fopen(name, "re");
	if (f == NULL)
		return 0;
	if (fscanf(f, "%lu %lu", &quota, &period) == 2 && period > 0)
		cpus = quota / period >= CPUS_MOST ? CPUS_MOST :
		    (int)((quota + period - 1) / period);
	fclose(f);
	return cpus;
}

/* The tightest quota from our cgroup up to the root. */
static int
cgroup_cpus(void)
{
	char path[4096];
	int least = 0, here;
	char *slash;

	if (!cgroup_path(path, sizeof(path)))
		return 0;
	if (strcmp(path, "/") == 0)
		*path = '\0';
	for (;;) {
		here = quota_cpus(path);
		if (here > 0 && (least == 0 || here < least))
			least = here;
		slash = strrchr(path, '/');
		if (slash == NULL)
			return least;
		*slash = '\0';
	}
}

int
conf_workers_auto(void)
{
	int cpus = affinity_cpus(), quota = cgroup_cpus();

	if (quota > 0 && quota < cpus)
		cpus = quota;
	if (cpus > WORKERS_MOST)
		return WORKERS_MOST;
	return cpus < 1 ? 1 : cpus;
}
