/*-------------------------------------------------------------------------
 *
 * filter_impl.h
 *	  The loop of a filter; filter.c includes it once per kind of test.
 *
 * FILTER_NAME			the function
 * FILTER_TYPE			type of values
 * FILTER_PARAMETERS	what they are compared with
 * FILTER_TEST(v)		0 or 1, of these, without a branch
 *
 * The test's results are shifted to their places in a word and collected by
 * OR, which vectorizes: where the number of values is a constant, the
 * compiler knows all shifts and needs a comparison, an AND and an OR for four
 * of them.  The index is as wide as the word, or it would not.
 *
 * src/vector/filter_impl.h
 *
 *-------------------------------------------------------------------------
 */

/* Clear the rows that fail; flip is 0, or all ones to have those that pass. */
RUSTS_KERNEL static void
FILTER_NAME(const FILTER_TYPE * restrict values, uint32 n, FILTER_PARAMETERS,
			uint64 flip, uint64 *restrict bits)
{
	uint32		word;
	size_t		i;

	for (word = 0; word < n / 64; word++, values += 64)
	{
		uint64		passed = 0;

		if (bits[word] == 0)
			continue;
		for (i = 0; i < 64; i++)
			passed |= (uint64) FILTER_TEST(values[i]) << i;
		bits[word] &= passed ^ flip;
	}
	if (n % 64 != 0 && bits[word] != 0)
	{
		uint64		passed = 0;

		for (i = 0; i < n % 64; i++)
			passed |= (uint64) FILTER_TEST(values[i]) << i;
		bits[word] &= passed ^ flip;
	}
}

#undef FILTER_NAME
#undef FILTER_TYPE
#undef FILTER_PARAMETERS
#undef FILTER_TEST
