/*-------------------------------------------------------------------------
 *
 * fuzz_lineproto.c
 *	  libFuzzer target: any bytes as line protocol.
 *
 * The first byte chooses the unit of the timestamps, the rest is parsed by the
 * short cut with SSE2, by the one without, and by the careful way, which must
 * agree.  So must all of them with the promises of lineproto.h.
 *
 * test/fuzz/fuzz_lineproto.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres_fe.h"

#include "../unit/lineproto_ways.h"

extern int	LLVMFuzzerTestOneInput(const uint8 *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8 *data, size_t size)
{
	static const int64 units[] = {
		1, RUSTS_LP_AUTO, 1000, 1000000000, INT64CONST(3600000000000)
	};

	if (size > 0 &&
		!copies_agree((const char *) data + 1, size - 1,
					  units[data[0] % lengthof(units)]))
		abort();
	return 0;
}
