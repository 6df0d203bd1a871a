/*-------------------------------------------------------------------------
 *
 * check.h
 *	  Checks that are counted, and random numbers.
 *
 * Whoever includes it defines RANDOM_SEED before.
 *
 * test/unit/check.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_CHECK_H
#define RUSTS_CHECK_H

#undef printf

static int	npassed;
static int	nfailed;
static uint64 random_state = RANDOM_SEED;

static inline void
check(bool ok, const char *what)
{
	if (ok)
		npassed++;
	else
	{
		nfailed++;
		printf("not ok - %s\n", what);
	}
}

/* xorshift64* */
static inline uint64
random_uint64(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * UINT64CONST(0x2545F4914F6CDD1D);
}

#endif							/* RUSTS_CHECK_H */
