/*-------------------------------------------------------------------------
 *
 * test_rowset.c
 *	  Sets of rows: what is put in comes out, in both forms; any other bytes
 *	  are refused or are a set within bounds.
 *
 * test/unit/test_rowset.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres_fe.h"

#include "base/bitmap.h"
#include "base/rowset.h"

#undef printf
#undef snprintf

#define MAX_ROWS	5000

#define RANDOM_SEED	20261125
#include "check.h"

/* Of each 100 rows about so many, in runs of about that length. */
static uint32
random_rows(uint32 *rows, uint32 percent, uint32 run)
{
	uint32		n = 0;
	uint32		row = 0;
	bool		in = false;

	while (row < MAX_ROWS)
	{
		if (random_uint64() % run == 0)
			in = random_uint64() % 100 < percent;
		if (in)
			rows[n++] = row;
		row++;
	}
	if (n == 0)
		rows[n++] = random_uint64() % MAX_ROWS;
	return n;
}

static void
test_round_trip(uint32 percent, uint32 run)
{
	uint32		rows[MAX_ROWS];
	uint32		listed[MAX_ROWS];
	uint64		expected[RUSTS_BITMAP_WORDS(MAX_ROWS)] = {0};
	uint64		got[RUSTS_BITMAP_WORDS(MAX_ROWS)] = {0};
	uint32		n = random_rows(rows, percent, run);
	uint8	   *bytes = malloc(RUSTS_ROWSET_MAX(n, rows[n - 1]));
	uint8	   *end = rusts_rowset_put(bytes, rows, sizeof(uint32), n);
	uint32		nrows = rows[n - 1] + 1;
	bool		good = true;
	uint32		i;

	for (i = 0; i < n; i++)
		rusts_bitmap_set(expected, rows[i]);
	check(end - bytes <= RUSTS_ROWSET_MAX(n, rows[n - 1]), "fits");
	check(rusts_rowset_get(bytes, end, nrows, got) &&
		  memcmp(expected, got, sizeof(got)) == 0, "the same bits");
	check(!rusts_rowset_get(bytes, end, nrows - 1, got), "a row too far");
	check(rusts_rowset_list(bytes, end, listed, sizeof(uint32), n) &&
		  memcmp(rows, listed, sizeof(uint32) * n) == 0, "the same rows");
	check(!rusts_rowset_list(bytes, end, listed, sizeof(uint32), n - 1),
		  "more rows than said");
	for (i = 0; i < MAX_ROWS + 10; i++)
		good = good && rusts_rowset_has(bytes, end, i) ==
			(i < MAX_ROWS && rusts_bitmap_test(expected, i));
	check(good, "has them");
	free(bytes);
}

/* Sanitizers watch. */
static void
test_garbage(void)
{
	uint8		bytes[64];
	uint32		rows[100];
	uint64		bits[2] = {0};
	size_t		len = random_uint64() % sizeof(bytes);
	uint8	   *exact = malloc(len + 1);
	size_t		i;

	for (i = 0; i < len; i++)
		bytes[i] = random_uint64() % 4 == 0 ? random_uint64() :
			random_uint64() % 4;
	memcpy(exact, bytes, len);
	(void) rusts_rowset_get(exact, exact + len, 100, bits);
	check((bits[1] >> 36) == 0, "no row beyond the end");
	(void) rusts_rowset_list(exact, exact + len, rows, sizeof(uint32), 100);
	(void) rusts_rowset_has(exact, exact + len, random_uint64());
	free(exact);
}

int
main(void)
{
	uint32		percents[] = {0, 1, 10, 50, 90, 100};
	uint32		runs[] = {1, 2, 10, 200};
	int			i;
	int			k;
	int			repeat;

	for (i = 0; i < lengthof(percents); i++)
	{
		for (k = 0; k < lengthof(runs); k++)
		{
			for (repeat = 0; repeat < 20; repeat++)
				test_round_trip(percents[i], runs[k]);
		}
	}
	for (repeat = 0; repeat < 20000; repeat++)
		test_garbage();
	printf("%d passed, %d failed\n", npassed, nfailed);
	return nfailed > 0;
}
