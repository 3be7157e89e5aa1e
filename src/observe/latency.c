/* src/observe/latency.c -- times in classes, and what they say together */
#include "observe/latency.h"

uint64_t
latency_begin(uint32_t class)
{
	uint32_t octave = (class - 1) / 4, quarter = (class - 1) % 4;

	if (class == 0)
		return 0;
	return ((uint64_t)LATENCY_LEAST_US << octave) * (4 + quarter) / 4;
}

static double
within(uint32_t class, double part)
{
	double begin = (double)latency_begin(class);
	double end = (double)latency_begin(class + 1);

	return begin + (end - begin) * part;
}

double
latency_percentile(const uint64_t counts[LATENCY_CLASSES], double share)
{
	uint64_t total = 0;
	uint32_t class = 0;
	double rest;

	for (uint32_t i = 0; i < LATENCY_CLASSES; i++)
		total += counts[i];
	if (total == 0)
		return -1;
	rest = share * (double)total;
	while (class < LATENCY_CLASSES - 1 && (counts[class] == 0 ||
	    rest > (double)counts[class])) {
		rest -= (double)counts[class];
		class++;
	}
	return counts[class] == 0 ? (double)latency_begin(class) :
	    within(class, rest / (double)counts[class]);
}
