/*-------------------------------------------------------------------------
 *
 * parse_lp.c
 *	  Measure the line-protocol parser alone, on a file in memory.
 *
 * Every field of every point is looked at, as a consumer would; the checksum
 * keeps the compiler from dropping that, and shows that two builds agree.
 *
 * usage: parse_lp file [rounds]
 *	prints points, bytes and the best round's seconds
 *
 * bench/parse_lp.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres_fe.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "proto/lineproto.h"

static uint64 parse(const char *data, size_t len, uint64 *checksum);
static double now(void);

int
main(int argc, char **argv)
{
	int			rounds = argc > 2 ? atoi(argv[2]) : 5;
	double		best = 0;
	uint64		npoints = 0;
	uint64		checksum = 0;
	struct stat st;
	char	   *data;
	int			fd;

	if (argc < 2)
	{
		fprintf(stderr, "usage: %s file [rounds]\n", argv[0]);
		return 2;
	}
	fd = open(argv[1], O_RDONLY);
	if (fd < 0 || fstat(fd, &st) != 0)
	{
		perror(argv[1]);
		return 1;
	}
	data = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE,
				fd, 0);
	if (data == MAP_FAILED)
	{
		perror(argv[1]);
		return 1;
	}
	for (int i = 0; i < rounds; i++)
	{
		double		start = now();
		double		seconds;

		npoints = parse(data, st.st_size, &checksum);
		seconds = now() - start;
		if (i == 0 || seconds < best)
			best = seconds;
	}
	printf(UINT64_FORMAT " points " UINT64_FORMAT " bytes %.4f s checksum "
		   "%016llx\n", npoints, (uint64) st.st_size, best,
		   (unsigned long long) checksum);
	return 0;
}

/* A bad line ends the program: this is no test of the parser. */
static uint64
parse(const char *data, size_t len, uint64 *checksum)
{
	RustsLpParser parser;
	RustsLpPoint point;
	RustsLpResult result;
	uint64		npoints = 0;
	uint64		sum = 0;

	rusts_lp_begin(&parser, data, len, 1, realloc);
	while ((result = rusts_lp_next(&parser, &point)) == RUSTS_LP_POINT)
	{
		npoints++;
		sum += point.time + point.series_key.len;
		for (uint32 i = 0; i < point.nfields; i++)
			sum = sum * 31 + point.fields[i].value.u + point.fields[i].key.len;
	}
	if (result != RUSTS_LP_END)
	{
		fprintf(stderr, "line %llu: %s\n",
				(unsigned long long) parser.bad_lineno, parser.error);
		exit(1);
	}
	free(parser.fields);
	*checksum = sum;
	return npoints;
}

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}
