/*-------------------------------------------------------------------------
 *
 * float_bits.c
 *	  Measure how many bits a double takes, and how fast, hot and cold.
 *
 * A file of numbers, one a line, is cut into blocks of RUSTS_BLOCK_ROWS, each
 * one run, encoded and decoded again; what comes back must be the same bits.
 *
 * usage: float_bits file...
 *	prints per file: name, values, bits per value hot and cold, and millions
 *	of values per second encoded and decoded (hot); then the means.
 *
 * bench/float_bits.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres_fe.h"

#include <time.h>

#include "codec/block.h"

typedef struct Measure
{
	uint64		bytes;
	double		encode_seconds;
	double		decode_seconds;
} Measure;

static double *read_values(const char *name, size_t *nvalues);
static Measure measure(const double *values, size_t nvalues,
					   RustsEffort effort, RustsCodecScratch *scratch);
static void *allocate(void *old, size_t size);
static double now(void);

int
main(int argc, char **argv)
{
	RustsCodecScratch *scratch = allocate(NULL, rusts_codec_scratch_size());
	double		hot_sum = 0;
	double		cold_sum = 0;

	printf("%-20s %8s %7s %7s %9s %9s\n", "file", "values", "hot", "cold",
		   "enc M/s", "dec M/s");
	for (int i = 1; i < argc; i++)
	{
		const char *name = strrchr(argv[i], '/');
		size_t		nvalues;
		double	   *values = read_values(argv[i], &nvalues);
		Measure		hot = measure(values, nvalues, RUSTS_EFFORT_HOT, scratch);
		Measure		cold = measure(values, nvalues, RUSTS_EFFORT_COLD,
								   scratch);

		printf("%-20s %8zu %7.2f %7.2f %9.1f %9.1f\n",
			   name != NULL ? name + 1 : argv[i], nvalues,
			   hot.bytes * 8.0 / nvalues, cold.bytes * 8.0 / nvalues,
			   nvalues / hot.encode_seconds / 1e6,
			   nvalues / hot.decode_seconds / 1e6);
		hot_sum += hot.bytes * 8.0 / nvalues;
		cold_sum += cold.bytes * 8.0 / nvalues;
		free(values);
	}
	if (argc > 1)
		printf("%-20s %8s %7.2f %7.2f\n", "mean", "",
			   hot_sum / (argc - 1), cold_sum / (argc - 1));
	free(scratch);
	return 0;
}

static Measure
measure(const double *values, size_t nvalues, RustsEffort effort,
		RustsCodecScratch *scratch)
{
	static const uint32 runs[1] = {0};
	static double decoded[RUSTS_BLOCK_ROWS];
	static uint64 nulls[RUSTS_BITMAP_WORDS(RUSTS_BLOCK_ROWS)];
	Measure		result = {0};
	uint8	   *block = NULL;

	for (size_t first = 0; first < nvalues; first += RUSTS_BLOCK_ROWS)
	{
		RustsBlockInput in = {
			.kind = RUSTS_KIND_FLOAT,
			.nrows = Min(nvalues - first, RUSTS_BLOCK_ROWS),
			.nruns = 1,
			.runs = runs,
			.floats = values + first
		};
		uint32		nnulls;
		size_t		size;
		double		start;

		block = allocate(block, rusts_block_encode_bound(&in));
		start = now();
		size = rusts_block_encode(&in, effort, block, scratch);
		result.encode_seconds += now() - start;
		result.bytes += size;

		start = now();
		if (rusts_block_decode_floats(block, size, in.nrows, 1, runs, decoded,
									  nulls, &nnulls,
									  scratch) != RUSTS_CODEC_OK ||
			memcmp(decoded, in.floats, in.nrows * sizeof(double)) != 0)
		{
			fprintf(stderr, "a block did not come back as it was\n");
			exit(1);
		}
		result.decode_seconds += now() - start;
	}
	free(block);
	return result;
}

static double *
read_values(const char *name, size_t *nvalues)
{
	FILE	   *file = fopen(name, "r");
	double	   *values = NULL;
	size_t		n = 0;
	size_t		max = 0;
	double		value;

	if (file == NULL)
	{
		perror(name);
		exit(1);
	}
	while (fscanf(file, "%lf", &value) == 1)
	{
		if (n == max)
		{
			max = max * 2 + 1024;
			values = allocate(values, max * sizeof(double));
		}
		values[n++] = value;
	}
	fclose(file);
	if (n == 0)
	{
		fprintf(stderr, "%s: no numbers\n", name);
		exit(1);
	}
	*nvalues = n;
	return values;
}

static void *
allocate(void *old, size_t size)
{
	void	   *ptr = realloc(old, size);

	if (ptr == NULL)
	{
		fprintf(stderr, "out of memory\n");
		exit(1);
	}
	return ptr;
}

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}
