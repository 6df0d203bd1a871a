/*-------------------------------------------------------------------------
 *
 * codec_bench.c
 *	  How small and how fast the column codecs are, on files of numbers.
 *
 * A line is a timestamp, a host and further columns, of which the last
 * NFIELDS are numbers, separated by commas; or it is one number.  The first
 * kind is encoded twice: sorted by host and cut into blocks of one host each
 * ("sorted"), and in batches of BATCH_ROWS consecutive rows, each sorted by
 * host and cut into blocks of several runs ("batch").  What comes back must be
 * the same.
 *
 * usage: codec_bench [-c] [-r rows] [-n passes] file...
 *	-c	cold effort
 *	-r	read only so many rows of each file
 *	-n	decode so often, 5 times by default; the fastest pass of each column
 *		counts
 *
 * bench/codec_bench.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres_fe.h"

#include <time.h>

#include "codec/block.h"

#define NFIELDS			10
#define NCOLUMNS		(NFIELDS + 1)	/* the time first */
#define BATCH_ROWS		5000
#define MAX_HOSTS		65536

typedef union Value
{
	int64		i;
	double		f;
} Value;

/* A file in memory. */
typedef struct Table
{
	uint32		nrows;
	uint32		ncolumns;
	RustsKind	kinds[NCOLUMNS];
	Value	   *columns[NCOLUMNS];
	uint32	   *hosts;
} Table;

/* Rows in the order they are encoded in, and the cuts. */
typedef struct Layout
{
	uint32	   *rows;
	uint32	   *blocks;			/* first row of each, and the end */
	uint32		nblocks;
	uint32	   *runs;			/* of all blocks, counted within the block */
	uint32	   *nruns;
} Layout;

typedef struct Options
{
	RustsEffort effort;
	uint32		max_rows;
	uint32		npasses;
} Options;

static RustsCodecScratch *scratch;

static void *
allocate(size_t size)
{
	void	   *p = malloc(Max(size, 1));

	if (p == NULL)
	{
		fprintf(stderr, "out of memory\n");
		exit(1);
	}
	return p;
}

/* CPU time: others may be at work on this machine. */
static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Number hosts in order of appearance. */
static uint32
host_number(const char *name, size_t len)
{
	static char *names[MAX_HOSTS];
	uint32		hash = 0;
	size_t		i;

	for (i = 0; i < len; i++)
		hash = hash * 31 + (uint8) name[i];
	for (hash %= MAX_HOSTS; names[hash] != NULL; hash = (hash + 1) % MAX_HOSTS)
	{
		if (strncmp(names[hash], name, len) == 0 && names[hash][len] == '\0')
			return hash;
	}
	names[hash] = memcpy(allocate(len + 1), name, len);
	names[hash][len] = '\0';
	return hash;
}

/* Microseconds of "2016-01-02 03:04:05", more or less: months have 31 days. */
static int64
parse_time(const char *text)
{
	int			year = 0;
	int			month = 0;
	int			day = 0;
	int			hour = 0;
	int			minute = 0;
	int			second = 0;

	sscanf(text, "%d-%d-%d %d:%d:%d", &year, &month, &day, &hour, &minute,
		   &second);
	return (((((int64) year * 12 + month) * 31 + day) * 24 + hour) * 3600 +
			minute * 60 + second) * 1000000;
}

static void
parse_line(Table *table, char *line)
{
	uint32		row = table->nrows++;
	char	   *fields[64];
	uint32		nfields = 0;
	char	   *p = line;
	uint32		i;

	for (;;)
	{
		fields[nfields++] = p;
		p = strchr(p, ',');
		if (p == NULL || nfields == lengthof(fields))
			break;
		*p++ = '\0';
	}
	if (nfields == 1)
	{
		table->ncolumns = 1;
		table->kinds[0] = RUSTS_KIND_FLOAT;
		table->columns[0][row].f = strtod(line, NULL);
		table->hosts[row] = 0;
		return;
	}
	if (nfields < NFIELDS + 2)
	{
		fprintf(stderr, "line %u has too few fields\n", row + 1);
		exit(1);
	}
	table->ncolumns = NCOLUMNS;
	table->hosts[row] = host_number(fields[1], strlen(fields[1]));
	table->kinds[0] = RUSTS_KIND_INT;
	table->columns[0][row].i = parse_time(fields[0]);
	for (i = 1; i <= NFIELDS; i++)
	{
		const char *text = fields[nfields - NFIELDS + i - 1];

		if (row == 0)
			table->kinds[i] = strchr(text, '.') != NULL ? RUSTS_KIND_FLOAT :
				RUSTS_KIND_INT;
		if (table->kinds[i] == RUSTS_KIND_INT)
			table->columns[i][row].i = strtoll(text, NULL, 10);
		else
			table->columns[i][row].f = strtod(text, NULL);
	}
}

static void
read_table(Table *table, const char *name, uint32 max_rows)
{
	FILE	   *file = fopen(name, "r");
	char	   *line = NULL;
	size_t		size = 0;
	ssize_t		len;
	uint32		i;

	if (file == NULL)
	{
		fprintf(stderr, "could not open file \"%s\": %m\n", name);
		exit(1);
	}
	memset(table, 0, sizeof(*table));
	for (i = 0; i < NCOLUMNS; i++)
		table->columns[i] = allocate(max_rows * sizeof(Value));
	table->hosts = allocate(max_rows * sizeof(uint32));
	while (table->nrows < max_rows && (len = getline(&line, &size, file)) > 0)
	{
		if (line[len - 1] == '\n')
			line[len - 1] = '\0';
		if (line[0] != '\0')
			parse_line(table, line);
	}
	free(line);
	fclose(file);
}

static void
free_table(Table *table)
{
	uint32		i;

	for (i = 0; i < NCOLUMNS; i++)
		free(table->columns[i]);
	free(table->hosts);
}

/*
 * Sort each batch of rows by host, keeping the order within a host, and cut
 * it into blocks; one_host: a block has rows of one host only.
 */
static void
make_layout(const Table *table, uint32 batch_rows, bool one_host,
			Layout *layout)
{
	uint32	   *counts = allocate(MAX_HOSTS * sizeof(uint32));
	uint32		done = 0;
	uint32		nruns = 0;
	uint32		i;

	layout->rows = allocate(table->nrows * sizeof(uint32));
	layout->blocks = allocate((table->nrows + 1) * sizeof(uint32));
	layout->runs = allocate(table->nrows * sizeof(uint32));
	layout->nruns = allocate(table->nrows * sizeof(uint32));
	layout->nblocks = 0;
	while (done < table->nrows)
	{
		uint32		end = done + Min(batch_rows, table->nrows - done);
		uint32		sum = done;

		memset(counts, 0, MAX_HOSTS * sizeof(uint32));
		for (i = done; i < end; i++)
			counts[table->hosts[i]]++;
		for (i = 0; i < MAX_HOSTS; i++)
		{
			uint32		count = counts[i];

			counts[i] = sum;
			sum += count;
		}
		for (i = done; i < end; i++)
			layout->rows[counts[table->hosts[i]]++] = i;

		for (i = done; i < end; i++)
		{
			uint32		block = layout->nblocks;
			bool		new_host = i == done ||
			table->hosts[layout->rows[i]] !=
			table->hosts[layout->rows[i - 1]];

			if (i == done || (one_host && new_host) ||
				i - layout->blocks[block - 1] == RUSTS_BLOCK_ROWS)
			{
				layout->blocks[block] = i;
				layout->nruns[block] = 0;
				layout->nblocks++;
				new_host = true;
			}
			if (new_host)
			{
				layout->runs[nruns++] =
					i - layout->blocks[layout->nblocks - 1];
				layout->nruns[layout->nblocks - 1]++;
			}
		}
		done = end;
	}
	layout->blocks[layout->nblocks] = table->nrows;
	free(counts);
}

static void
free_layout(Layout *layout)
{
	free(layout->rows);
	free(layout->blocks);
	free(layout->runs);
	free(layout->nruns);
}

/* Where the blocks of a column are, once encoded. */
typedef struct Encoded
{
	uint8	   *bytes;
	size_t	   *offsets;		/* of each block, and the end */
} Encoded;

static void
encode_column(const Layout *layout, RustsKind kind, const Value *sorted,
			  RustsEffort effort, Encoded *encoded)
{
	const uint32 *runs = layout->runs;
	uint32		block;

	encoded->offsets[0] = 0;
	for (block = 0; block < layout->nblocks; block++)
	{
		const Value *first = sorted + layout->blocks[block];
		size_t		offset = encoded->offsets[block];
		RustsBlockInput in = {
			.kind = kind,
			.nrows = layout->blocks[block + 1] - layout->blocks[block],
			.nruns = layout->nruns[block],
			.runs = runs,
			.ints = (const int64 *) first,
			.floats = (const double *) first
		};

		encoded->offsets[block + 1] = offset +
			rusts_block_encode(&in, effort, encoded->bytes + offset, scratch);
		runs += layout->nruns[block];
	}
}

/* sorted: what must come back, or NULL not to look. */
static void
decode_column(const Layout *layout, RustsKind kind, const Value *sorted,
			  const Encoded *encoded)
{
	static Value back[RUSTS_BLOCK_ROWS];
	uint64		nulls[RUSTS_BITMAP_WORDS(RUSTS_BLOCK_ROWS)];
	uint32		nnulls;
	const uint32 *runs = layout->runs;
	uint32		block;

	for (block = 0; block < layout->nblocks; block++)
	{
		const uint8 *src = encoded->bytes + encoded->offsets[block];
		size_t		size = encoded->offsets[block + 1] -
		encoded->offsets[block];
		uint32		n = layout->blocks[block + 1] - layout->blocks[block];
		uint32		nruns = layout->nruns[block];
		RustsCodecResult result;

		if (kind == RUSTS_KIND_INT)
			result = rusts_block_decode_ints(src, size, n, nruns, runs,
											 (int64 *) back, nulls, &nnulls,
											 scratch);
		else
			result = rusts_block_decode_floats(src, size, n, nruns, runs,
											   (double *) back, nulls,
											   &nnulls, scratch);
		runs += nruns;
		if (result != RUSTS_CODEC_OK ||
			(sorted != NULL && memcmp(back, sorted + layout->blocks[block],
									  n * sizeof(Value)) != 0))
		{
			fprintf(stderr, "block %u came back different\n", block);
			exit(1);
		}
	}
}

/*
 * Encode one column once and decode it npasses times, of which the fastest
 * counts; returns the bytes it takes.
 */
static size_t
measure_column(const Layout *layout, uint32 nrows, RustsKind kind,
			   const Value *values, RustsEffort effort, uint32 npasses,
			   double *encode_time, double *decode_time)
{
	Value	   *sorted = allocate(nrows * sizeof(Value));
	size_t		room = (size_t) nrows * 24 +
	(size_t) layout->nblocks * 512 + 65536;
	Encoded		encoded;
	double		best = 0;
	size_t		size;
	uint32		i;

	for (i = 0; i < nrows; i++)
		sorted[i] = values[layout->rows[i]];
	encoded.bytes = allocate(room);
	encoded.offsets = allocate((layout->nblocks + 1) * sizeof(size_t));

	memset(encoded.bytes, 0, room); /* no page faults later */
	*encode_time -= now();
	encode_column(layout, kind, sorted, effort, &encoded);
	*encode_time += now();

	decode_column(layout, kind, sorted, &encoded);
	for (i = 0; i < npasses; i++)
	{
		double		start = now();
		double		time;

		decode_column(layout, kind, NULL, &encoded);
		time = now() - start;
		if (i == 0 || time < best)
			best = time;
	}
	*decode_time += best;

	size = encoded.offsets[layout->nblocks];
	free(sorted);
	free(encoded.bytes);
	free(encoded.offsets);
	return size;
}

static void
measure_columns(const Table *table, const Layout *layout, uint32 first,
				uint32 ncolumns, const Options *options, const char *name,
				const char *what)
{
	double		nvalues = (double) table->nrows * ncolumns;
	double		encode_time = 0;
	double		decode_time = 0;
	double		bytes = 0;
	uint32		i;

	for (i = first; i < first + ncolumns; i++)
		bytes += measure_column(layout, table->nrows, table->kinds[i],
								table->columns[i], options->effort,
								options->npasses, &encode_time,
								&decode_time);
	printf("%-20s %-14s %8.2f %9.2f %9.2f %9.0f\n", name, what,
		   bytes * 8 / nvalues, bytes / table->nrows,
		   encode_time * 1e9 / nvalues, nvalues / decode_time / 1e6);
}

static void
measure_table(const Table *table, const Options *options, const char *name)
{
	Layout		layout;

	if (table->ncolumns == 1)
	{
		make_layout(table, table->nrows, true, &layout);
		measure_columns(table, &layout, 0, 1, options, name, "series");
		free_layout(&layout);
		return;
	}
	make_layout(table, table->nrows, true, &layout);
	measure_columns(table, &layout, 0, 1, options, name, "time, sorted");
	measure_columns(table, &layout, 1, NFIELDS, options, name,
					"fields, sorted");
	free_layout(&layout);
	make_layout(table, BATCH_ROWS, false, &layout);
	measure_columns(table, &layout, 0, 1, options, name, "time, batch");
	measure_columns(table, &layout, 1, NFIELDS, options, name,
					"fields, batch");
	free_layout(&layout);
}

int
main(int argc, char **argv)
{
	Options		options = {RUSTS_EFFORT_HOT, 3000000, 5};
	int			i;

	scratch = allocate(rusts_codec_scratch_size());
	printf("%-20s %-14s %8s %9s %9s %9s\n", "file", "columns", "bits",
		   "bytes/row", "enc ns", "dec M/s");
	for (i = 1; i < argc; i++)
	{
		const char *name = strrchr(argv[i], '/');
		Table		table;

		if (strcmp(argv[i], "-c") == 0)
		{
			options.effort = RUSTS_EFFORT_COLD;
			continue;
		}
		if (strcmp(argv[i], "-r") == 0 && i + 1 < argc)
		{
			options.max_rows = (uint32) atol(argv[++i]);
			continue;
		}
		if (strcmp(argv[i], "-n") == 0 && i + 1 < argc)
		{
			options.npasses = (uint32) atol(argv[++i]);
			continue;
		}
		read_table(&table, argv[i], options.max_rows);
		if (table.nrows > 0)
			measure_table(&table, &options, name == NULL ? argv[i] : name + 1);
		free_table(&table);
	}
	free(scratch);
	return 0;
}
