/*-------------------------------------------------------------------------
 *
 * test_policy.c
 *	  What policies are made of: durations and patterns of names.
 *
 * test/unit/test_policy.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres_fe.h"

#include "base/duration.h"
#include "base/pattern.h"

#undef printf

static int	npassed;
static int	nfailed;

static void
check(bool ok, const char *what, const char *of)
{
	if (ok)
		npassed++;
	else
	{
		nfailed++;
		printf("not ok - %s: %s\n", what, of);
	}
}

static void
is_duration(const char *text, int32 months, int32 days, int64 microseconds)
{
	RustsDuration d;

	check(rusts_duration_parse(text, strlen(text), &d) &&
		  d.months == months && d.days == days &&
		  d.microseconds == microseconds, "duration", text);
}

static void
is_no_duration(const char *text)
{
	RustsDuration d;

	check(!rusts_duration_parse(text, strlen(text), &d), "no duration", text);
}

static void
test_durations(void)
{
	is_duration("30d", 0, 30, 0);
	is_duration("2w", 0, 14, 0);
	is_duration("12h", 0, 0, INT64CONST(43200000000));
	is_duration("1y2mo3w4d5h6m7s8ms9us", 14, 25, INT64CONST(18367008009));
	is_duration("10u", 0, 0, 10);
	is_duration("2000ns", 0, 0, 2);
	is_duration("0s", 0, 0, 0);
	is_duration("1d1d", 0, 2, 0);
	is_duration("2147483647d", 0, PG_INT32_MAX, 0);
	is_duration("9223372036854775807us", 0, 0, PG_INT64_MAX);
	is_no_duration("");
	is_no_duration("d");
	is_no_duration("30");
	is_no_duration("-30d");
	is_no_duration("+30d");
	is_no_duration("30 d");
	is_no_duration("30D");
	is_no_duration("30days");
	is_no_duration("1.5d");
	is_no_duration("1h30");
	is_no_duration("INF");
	is_no_duration("1500ns");
	is_no_duration("2147483648d");
	is_no_duration("400000000w");
	is_no_duration("178956971y");
	is_no_duration("2147483647d1d");
	is_no_duration("9223372036854775807us1us");
	is_no_duration("9223372036854775807s");
	is_no_duration("9223372036854775808us");
	is_no_duration("99999999999999999999ns");
}

/* text is a pattern and its normal form is what is given, or NULL. */
static void
is_pattern(const char *text, const char *normal)
{
	RustsPattern pattern;
	RustsPattern again;
	char		buffer[RUSTS_PATTERN_TEXT];
	const char *problem;
	bool		ok = rusts_pattern_parse(text, &pattern, &problem);

	if (normal == NULL)
	{
		check(!ok && problem != NULL, "no pattern", text);
		return;
	}
	check(ok && problem == NULL &&
		  strcmp(rusts_pattern_text(&pattern, buffer), normal) == 0 &&
		  rusts_pattern_parse(buffer, &again, &problem) &&
		  memcmp(&pattern, &again, sizeof(pattern)) == 0, "pattern", text);
}

static void
test_patterns(void)
{
	char		name[3 * NAMEDATALEN];

	is_pattern("cpu", "cpu");
	is_pattern("cpu*", "cpu*");
	is_pattern("*", "*");
	is_pattern("public.cpu*", "public.cpu*");
	is_pattern("public.*", "public.*");
	is_pattern("\"cpu\"", "cpu");
	is_pattern("Disk Usage", "Disk Usage");
	is_pattern("\"disk.io\"*", "\"disk.io\"*");
	is_pattern("\"a\"\"b\".\"c*\"", "\"a\"\"b\".\"c*\"");
	is_pattern("\"\"*", "*");
	is_pattern("", NULL);
	is_pattern("\"\"", NULL);
	is_pattern(".cpu", NULL);
	is_pattern("public.", NULL);
	is_pattern("a.b.c", NULL);
	is_pattern("*.cpu", NULL);
	is_pattern("c*u", NULL);
	is_pattern("**", NULL);
	is_pattern("*a", NULL);
	is_pattern("\"cpu", NULL);
	is_pattern("\"cpu\"x", NULL);
	is_pattern("\"a\"b.c", NULL);

	memset(name, '"', sizeof(name));
	name[1 + 2 * (NAMEDATALEN - 1) + 1] = '\0';
	is_pattern(name, name);
	memset(name, 'x', sizeof(name));
	name[NAMEDATALEN - 1] = '\0';
	is_pattern(name, name);
	name[NAMEDATALEN - 1] = 'x';
	name[NAMEDATALEN] = '\0';
	is_pattern(name, NULL);
}

/* Which of two patterns says more of schema s, name cpu0: <, >, =, or x. */
static void
is_order(const char *left, char order, const char *right)
{
	RustsPattern l;
	RustsPattern r;
	const char *problem;
	int			way;

	check(rusts_pattern_parse(left, &l, &problem) &&
		  rusts_pattern_parse(right, &r, &problem), "parse", left);
	check(rusts_pattern_matches(&l, "s", "cpu0"), "matches", left);
	check(rusts_pattern_matches(&r, "s", "cpu0") == (order != 'x'),
		  "matches", right);
	if (order == 'x')
		return;
	way = rusts_pattern_compare(&l, &r);
	check(way == -rusts_pattern_compare(&r, &l) &&
		  (order == '=' ? way == 0 : order == '<' ? way < 0 : way > 0),
		  left, right);
}

int
main(void)
{
	test_durations();
	test_patterns();
	is_order("cpu0", '>', "cpu0*");
	is_order("cpu0", '>', "s.cpu*");
	is_order("s.cpu0", '>', "cpu0");
	is_order("cpu*", '>', "c*");
	is_order("cpu*", '>', "*");
	is_order("s.*", '>', "*");
	is_order("s.*", '<', "c*");
	is_order("s.c*", '<', "cpu*");
	is_order("cpu*", '=', "\"cpu\"*");
	is_order("*", 'x', "cpu");
	is_order("*", 'x', "CPU0");
	is_order("*", 'x', "cpu00");
	is_order("*", 'x', "cpu00*");
	is_order("*", 'x', "t.cpu0");
	is_order("*", 'x', "t.*");
	printf("%d passed, %d failed\n", npassed, nfailed);
	return nfailed > 0;
}
