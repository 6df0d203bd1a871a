/*-------------------------------------------------------------------------
 *
 * test_lineproto_values.c
 *	  Numbers, booleans and timestamps of line protocol.
 *
 * The parser's reading of doubles is compared with strtod.
 *
 * test/unit/test_lineproto_values.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres_fe.h"

#include "lineproto_ways.h"

/*----------
 * Numbers
 *----------
 */

/* The one field of the one line. */
static bool
parse_field(const char *value, RustsLpField *field)
{
	static char line[8192];
	RustsLpParser parser;
	RustsLpPoint point;
	bool		ok;
	int			padding;

	/* with and without room for the short cut behind it */
	for (padding = 0; padding <= 80; padding += 80)
	{
		RustsLpField first = *field;

		snprintf(line, sizeof(line), "m f=0\nm f=%s\n%*s", value, padding, "");
		if (!copies_agree(line, strlen(line), 1))
			return false;
		rusts_lp_begin(&parser, line, strlen(line), 1, test_realloc);
		ok = rusts_lp_next(&parser, &point) == RUSTS_LP_POINT &&
			rusts_lp_next(&parser, &point) == RUSTS_LP_POINT &&
			point.nfields == 1;
		if (ok)
			*field = point.fields[0];
		free(parser.fields);
		if (!ok || (padding > 0 && !same_field(&first, field)))
			return false;
	}
	return true;
}

static bool
is_double(const char *text)
{
	RustsLpField field;
	double		number = strtod(text, NULL);

	if (!parse_field(text, &field) || field.type != RUSTS_LP_FLOAT)
		return false;
	return memcmp(&number, &field.value.f, sizeof(double)) == 0;
}

static void
test_floats(void)
{
	static const char *const texts[] = {
		"0", "-0", "0.0", "-0.0", "1", "-1", "1.", ".5", "-.5", "1.e5", "1e5",
		"1E-5", "1e+05", "00012.50", "0.1", "0.3", "123456.789", "1234567.8",
		"1234567.1234567", "12345678.1", "1.12345678", "9007199254740992",
		"9007199254740993", "9007199254740993.0", "9007199254740995",
		"90071992547409925e-1", "90071992547409935e-1", "1e22", "1e23",
		"1e-22", "1e-23", "123456789012345678", "1234567890123456789",
		"12345678901234567890", "0.1234567890123456789",
		"99999999999999999999",
		"1.7976931348623157e308", "17976931348623157e292",
		"1.7976931348623158e308", "2.2250738585072011e-308",
		"2.2250738585072014e-308", "4.9e-324", "2.4703282292062327e-324",
		"2.4703282292062328e-324", "2e-324", "1e-400", "1e-99999999999999",
		"0e99999999999999", "0.000000000000000000000000000000000001e36",
		"6.631236846766476e-5", "9.5367431640625e-7", "8.5e-19", "1e19",
		"18446744073709551615", "18446744073709551616", "5e-1", "1e0", "7e-0"
	};
	static const char *const bad[] = {
		"", "-", ".", "-.", "e5", "1e", "1e+", "1e5.5", "1..2", "1.2.3", "+1",
		"1_000", "0x10", "1f", "nan", "NaN", "inf", "-inf", "Infinity",
		"1e400", "-1e400", "1.7976931348623159e308",
		"1e99999999999999999999", "--1",
		"1-", "1e5e5", "1 2 3", "1,", "1,5"
	};
	static const char *const formats[] = {
		"%.17g", "%.16g", "%.15g", "%.6f", "%.2f", "%e", "%.0f", "%.20e"
	};
	char		text[512];
	RustsLpField field;
	bool		ok = true;
	size_t		i;

	for (i = 0; i < lengthof(texts); i++)
		check(is_double(texts[i]), texts[i]);
	for (i = 0; i < lengthof(bad); i++)
		check(!parse_field(bad[i], &field), bad[i]);

	for (i = 0; ok && i < 60000; i++)
	{
		uint64		bits = next_random();
		double		number;

		/* doubles of all sizes, then those of everyday size */
		if (i % 3 != 0)
		{
			number = (double) (int64) bits /
				(double) (UINT64CONST(1) << next_random() % 64);
		}
		else
			memcpy(&number, &bits, sizeof(number));
		if (isnan(number) || isinf(number))
			continue;
		snprintf(text, sizeof(text), formats[i % lengthof(formats)], number);
		ok = is_double(text);
		if (!ok)
			printf("%s\n", text);
	}
	check(ok, "random doubles");

	/* decimals of every length, each with every place for the point */
	for (i = 0; ok && i < 20000; i++)
	{
		int			ndigits = 1 + (int) (next_random() % 24);
		int			point = (int) (next_random() % (ndigits + 1));
		int			j;
		char	   *p = text;

		for (j = 0; j < ndigits; j++)
		{
			if (j == point)
				*p++ = '.';
			*p++ = '0' + (char) (next_random() % 10);
		}
		snprintf(p, 16, "e%d", (int) (next_random() % 60) - 30);
		if (i % 2 == 0)
			*p = '\0';
		ok = is_double(text);
		if (!ok)
			printf("%s\n", text);
	}
	check(ok, "random decimals");
}

/* The number halfway between two doubles, and its neighbours, written out. */
static void
test_halfway(void)
{
	/* 2^53 + 1 with more and more digits, and a last one that matters */
	static char text[4096];
	bool		ok = true;
	int			zeros;

	for (zeros = 0; ok && zeros < 2000; zeros += 37)
	{
		char	   *p = text;

		p += sprintf(p, "9007199254740993.");
		memset(p, '0', zeros);
		strcpy(p + zeros, "1");
		ok = is_double(text) && strtod(text, NULL) == 9007199254740994.0;
		p[zeros] = '0';
		ok = ok && is_double(text) && strtod(text, NULL) == 9007199254740992.0;
	}
	check(ok, "halfway between two doubles");

	/* half of the smallest double has 751 digits of its own */
	memset(text, '0', sizeof(text));
	snprintf(text, sizeof(text), "%.1074f", 4.9406564584124654e-324);
	check(is_double(text), "the smallest double in full");
	snprintf(text, sizeof(text), "%.1100f", 1.7976931348623157e308);
	check(is_double(text), "the greatest double in full");
}

static void
test_integers(void)
{
	static const struct
	{
		const char *text;
		RustsLpType type;
		uint64		value;
	}			good[] = {
		{"0i", RUSTS_LP_INT, 0},
		{"-0i", RUSTS_LP_INT, 0},
		{"007i", RUSTS_LP_INT, 7},
		{"1234567i", RUSTS_LP_INT, 1234567},
		{"12345678i", RUSTS_LP_INT, 12345678},
		{"123456789i", RUSTS_LP_INT, 123456789},
		{"-1234567i", RUSTS_LP_INT, (uint64) INT64CONST(-1234567)},
		{"9223372036854775807i", RUSTS_LP_INT, PG_INT64_MAX},
		{"-9223372036854775808i", RUSTS_LP_INT, (uint64) PG_INT64_MIN},
		{"000000000000000000000000009i", RUSTS_LP_INT, 9},
		{"0u", RUSTS_LP_UINT, 0},
		{"1u", RUSTS_LP_UINT, 1},
		{"18446744073709551615u", RUSTS_LP_UINT, PG_UINT64_MAX},
		{"00018446744073709551615u", RUSTS_LP_UINT, PG_UINT64_MAX},
		{"10000000000000000000u", RUSTS_LP_UINT,
		UINT64CONST(10000000000000000000)}
	};
	static const char *const bad[] = {
		"i", "u", "-i", "-u", "-1u", "-0u", "1iu", "1ii", "1i2", "1.0i", "1.i",
		"1e3i", "9223372036854775808i", "-9223372036854775809i",
		"18446744073709551616u", "18446744073709551620u",
		"99999999999999999999u", "100000000000000000000u",
		"99999999999999999999i", "1I", "1U", "0x1i"
	};
	RustsLpField field;
	size_t		i;

	for (i = 0; i < lengthof(good); i++)
		check(parse_field(good[i].text, &field) &&
			  field.type == good[i].type && field.value.u == good[i].value,
			  good[i].text);
	for (i = 0; i < lengthof(bad); i++)
		check(!parse_field(bad[i], &field), bad[i]);
}

static void
test_booleans(void)
{
	static const char *const good[] = {
		"f", "F", "false", "False", "FALSE", "t", "T", "true", "True", "TRUE"
	};
	static const char *const bad[] = {
		"tr", "tRUE", "TRue", "truee", "ffalse", "FALSe", "yes", "tt"
	};
	RustsLpField field;
	size_t		i;

	for (i = 0; i < lengthof(good); i++)
		check(parse_field(good[i], &field) && field.type == RUSTS_LP_BOOL &&
			  field.value.b == (i >= 5), good[i]);
	for (i = 0; i < lengthof(bad); i++)
		check(!parse_field(bad[i], &field), bad[i]);
}

/*----------
 * Time
 *----------
 */

/* The time of a line with this timestamp; false if it is an error. */
static bool
parse_time_text(const char *text, int64 unit, int64 *time)
{
	char		line[256];
	RustsLpParser parser;
	RustsLpPoint point;
	bool		ok;

	snprintf(line, sizeof(line), "m f=0i\nm f=1i %s\n%80s", text, "");
	if (!copies_agree(line, strlen(line), unit))
	{
		check(false, "all ways agree on a timestamp");
		return false;
	}
	rusts_lp_begin(&parser, line, strlen(line), unit, test_realloc);
	rusts_lp_next(&parser, &point);
	ok = rusts_lp_next(&parser, &point) == RUSTS_LP_POINT && point.has_time;
	*time = ok ? point.time : 0;
	if (!ok && strchr(text, 'x') == NULL)
		check(strcmp(parser.error, "time outside range") == 0, text);
	free(parser.fields);
	return ok;
}

static void
test_time(void)
{
	static const struct
	{
		const char *precision;
		int64		unit;
	}			precisions[] = {
		{"ns", 1}, {"n", 1}, {"nanosecond", 1}, {"us", 1000}, {"u", 1000},
		{"\xc2\xb5", 1000}, {"microsecond", 1000}, {"ms", 1000000},
		{"millisecond", 1000000}, {"s", 1000000000}, {"second", 1000000000},
		{"m", INT64CONST(60000000000)}, {"h", INT64CONST(3600000000000)},
		{"auto", RUSTS_LP_AUTO}, {"", -1}, {"d", -1}, {"nss", -1}, {"S", -1},
		{"minute", -1}, {"NS", -1}
	};
	static const struct
	{
		const char *text;
		int64		unit;
		int64		time;		/* 0: an error */
	}			times[] = {
		{"9223372036854775806", 1, INT64CONST(9223372036854775806)},
		{"9223372036854775807", 1, 0},
		{"-9223372036854775806", 1, INT64CONST(-9223372036854775806)},
		{"-9223372036854775807", 1, 0},
		{"9999999999999999999", 1, 0},
		{"18446744073709551617", 1, 0},
		{"99999999999999999999999999", 1, 0},
		{"00000000000000000000000012", 1, 12},
		{"9223372036854775", 1000, INT64CONST(9223372036854775000)},
		{"9223372036854776", 1000, 0},
		{"-9223372036", 1000000000, INT64CONST(-9223372036000000000)},
		{"9223372037", 1000000000, 0},
		{"153722867", INT64CONST(60000000000),
		INT64CONST(9223372020000000000)},
		{"153722868", INT64CONST(60000000000), 0},
		{"2562047", INT64CONST(3600000000000),
		INT64CONST(9223369200000000000)},
		{"2562048", INT64CONST(3600000000000), 0},
		{"4999999999", RUSTS_LP_AUTO, INT64CONST(4999999999000000000)},
		{"5000000000", RUSTS_LP_AUTO, INT64CONST(5000000000000000)},
		{"4999999999999", RUSTS_LP_AUTO, INT64CONST(4999999999999000000)},
		{"5000000000000", RUSTS_LP_AUTO, INT64CONST(5000000000000000)},
		{"-1708976567", RUSTS_LP_AUTO, INT64CONST(-1708976567000000000)},
		{"4999999999999999", RUSTS_LP_AUTO, INT64CONST(4999999999999999000)},
		{"5000000000000000", RUSTS_LP_AUTO, INT64CONST(5000000000000000)},
		{"1708976567000000001", RUSTS_LP_AUTO,
		INT64CONST(1708976567000000001)},
		{"1x", 1, 0}, {"x", 1, 0}, {"1.5x", 1, 0}, {"1 x", 1, 0},
		{"12345678x", 1, 0}, {"1 2x", 1, 0}
	};
	int64		time;
	size_t		i;

	for (i = 0; i < lengthof(precisions); i++)
		check(rusts_lp_precision(precisions[i].precision,
								 strlen(precisions[i].precision)) ==
			  precisions[i].unit, precisions[i].precision);
	for (i = 0; i < lengthof(times); i++)
		check(parse_time_text(times[i].text, times[i].unit, &time) ==
			  (times[i].time != 0) && time == times[i].time, times[i].text);
	for (i = 1; i <= 19; i++)
	{
		char		text[32];

		snprintf(text, sizeof(text), "%.*s", (int) i, "1234567890123456789");
		check(parse_time_text(text, 1, &time) &&
			  time == strtoll(text, NULL, 10), text);
	}
}

int
main(void)
{
	test_floats();
	test_halfway();
	test_integers();
	test_booleans();
	test_time();
	printf("%d passed, %d failed\n", npassed, nfailed);
	return nfailed > 0 ? 1 : 0;
}
