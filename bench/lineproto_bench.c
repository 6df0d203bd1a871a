/*-------------------------------------------------------------------------
 *
 * lineproto_bench.c
 *	  How fast is the line protocol parser alone?
 *
 * Reads a file into memory and parses it some times over, in batches of so
 * many lines, as rusts_write gets them (0: in one).  Prints each time and the
 * best one.  The sum over the values keeps the compiler honest.
 *
 * usage: lineproto_bench file [times [lines per batch]]
 *
 * bench/lineproto_bench.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres_fe.h"

#include <time.h>

#include "proto/lineproto.h"

static char *
read_file(const char *path, size_t *len)
{
	FILE	   *file = fopen(path, "rb");
	char	   *data;

	if (file == NULL || fseek(file, 0, SEEK_END) != 0)
		return NULL;
	*len = (size_t) ftell(file);
	rewind(file);
	data = malloc(*len + 1);
	if (data != NULL && fread(data, 1, *len, file) != *len)
		return NULL;
	fclose(file);
	return data;
}

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* The end of the batch that starts at p. */
static const char *
batch_end(const char *p, const char *end, long nlines)
{
	if (nlines == 0)
		return end;
	while (nlines-- > 0 && p < end)
	{
		const char *newline = memchr(p, '\n', end - p);

		p = newline == NULL ? end : newline + 1;
	}
	return p;
}

typedef struct Totals
{
	uint64		npoints;
	uint64		nvalues;
	uint64		nbad;
	uint64		sum;
} Totals;

static void
parse(const char *data, size_t len, Totals *totals)
{
	RustsLpParser parser;
	RustsLpPoint point;
	RustsLpResult result;
	uint32		i;

	rusts_lp_begin(&parser, data, len, 1, realloc);
	while ((result = rusts_lp_next(&parser, &point)) != RUSTS_LP_END)
	{
		if (result != RUSTS_LP_POINT)
		{
			totals->nbad++;
			continue;
		}
		totals->npoints++;
		totals->nvalues += point.nfields;
		totals->sum += (uint64) point.time + point.series_key.len;
		for (i = 0; i < point.nfields; i++)
			totals->sum += point.fields[i].value.u;
	}
	free(parser.fields);
}

int
main(int argc, char **argv)
{
	int			times = argc > 2 ? atoi(argv[2]) : 5;
	long		nlines = argc > 3 ? atol(argv[3]) : 5000;
	size_t		len;
	char	   *data = argc > 1 ? read_file(argv[1], &len) : NULL;
	double		best = 0;

	if (data == NULL)
	{
		fprintf(stderr,
				"usage: lineproto_bench file [times [lines per batch]]\n");
		return 2;
	}
	while (times-- > 0)
	{
		Totals		totals = {0, 0, 0, 0};
		const char *p = data;
		double		seconds = 0;

		while (p < data + len)
		{
			/* one batch at a time, so that the search stays outside */
			const char *end = batch_end(p, data + len, nlines);
			double		start = now();

			parse(p, end - p, &totals);
			seconds += now() - start;
			p = end;
		}
		printf("%.3f s, %.2f GB/s, %.2f million rows/s, "
			   "%.1f million values/s, %lld bad lines, sum %016llx\n",
			   seconds, len / seconds / 1e9, totals.npoints / seconds / 1e6,
			   totals.nvalues / seconds / 1e6, (long long) totals.nbad,
			   (unsigned long long) totals.sum);
		if (best == 0 || seconds < best)
			best = seconds;
	}
	printf("best: %.2f GB/s\n", len / best / 1e9);
	free(data);
	return 0;
}
