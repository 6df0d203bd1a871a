/*-------------------------------------------------------------------------
 *
 * lineproto_ways.h
 *	  For tests of the line protocol parser: all its ways, side by side.
 *
 * The parser exists three times, with the same result on any input: the short
 * cut with SSE2, the short cut byte by byte, and the careful way alone.
 *
 * test/unit/lineproto_ways.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_LINEPROTO_WAYS_H
#define RUSTS_LINEPROTO_WAYS_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* the short cut byte by byte, under names of its own */
#ifndef RUSTS_NO_SIMD
#define RUSTS_NO_SIMD
#define UNDEF_NO_SIMD
#endif
#define rusts_lp_begin scalar_begin
#define rusts_lp_next scalar_next
#include "proto/lineproto.c"
#undef rusts_lp_begin
#undef rusts_lp_next
#ifdef UNDEF_NO_SIMD
#undef RUSTS_NO_SIMD
#endif

extern void rusts_lp_begin(RustsLpParser *parser, const char *data, size_t len,
						   int64 time_unit, RustsLpRealloc realloc_fn);
extern RustsLpResult rusts_lp_next(RustsLpParser *parser, RustsLpPoint *point);

#define RANDOM_SEED	20240229
#include "check.h"

/*
 * PostgreSQL's printf family has no place in a test's output.
 */
#undef fprintf
#undef snprintf

#define MAX_TAGS	4096
#define MAX_SLOTS	70000

typedef RustsLpResult (*NextFunction) (RustsLpParser *, RustsLpPoint *);

static const NextFunction ways[] = {
	rusts_lp_next, scalar_next, rusts_lp_next_careful
};

static int	realloc_budget = -1;
static RustsLpText slots[MAX_SLOTS];

static inline uint64
next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

typedef struct Buffer
{
	char	   *data;
	size_t		len;
	size_t		size;
} Buffer;

static inline void
append(Buffer *buffer, const char *data, size_t len)
{
	if (buffer->len + len > buffer->size)
	{
		buffer->size = (buffer->len + len) * 2;
		buffer->data = realloc(buffer->data, buffer->size);
	}
	memcpy(buffer->data + buffer->len, data, len);
	buffer->len += len;
}

static inline void
append_string(Buffer *buffer, const char *text)
{
	append(buffer, text, strlen(text));
}

/* realloc that fails when its budget is used up. */
static inline void *
test_realloc(void *ptr, size_t size)
{
	if (realloc_budget == 0)
		return NULL;
	if (realloc_budget > 0)
		realloc_budget--;
	return realloc(ptr, size);
}

/* A copy that has not a byte more, for the address sanitizer to watch. */
static inline char *
exact_copy(const char *data, size_t len)
{
	char	   *copy = malloc(len);

	if (len > 0)
		memcpy(copy, data, len);
	return copy;
}

static inline bool
same_text(RustsLpText a, RustsLpText b)
{
	return a.len == b.len && memcmp(a.data, b.data, a.len) == 0 &&
		a.escaped == b.escaped;
}

static inline bool
same_field(const RustsLpField *a, const RustsLpField *b)
{
	if (!same_text(a->key, b->key) || a->type != b->type)
		return false;
	switch (a->type)
	{
		case RUSTS_LP_STRING:
			return a->value.s.data == b->value.s.data &&
				same_text(a->value.s, b->value.s);
		case RUSTS_LP_BOOL:
			return a->value.b == b->value.b;
		case RUSTS_LP_FLOAT:
		case RUSTS_LP_INT:
		case RUSTS_LP_UINT:
			return a->value.u == b->value.u;
	}
	return false;
}

static inline bool
same_point(const RustsLpPoint *a, const RustsLpPoint *b)
{
	uint32		i;

	if (a->series_key.data != b->series_key.data ||
		a->series_key.len != b->series_key.len ||
		a->nfields != b->nfields ||
		a->has_time != b->has_time || (a->has_time && a->time != b->time) ||
		a->line != b->line || a->linelen != b->linelen ||
		a->lineno != b->lineno)
		return false;
	for (i = 0; i < a->nfields; i++)
	{
		if (!same_field(&a->fields[i], &b->fields[i]))
			return false;
	}
	return true;
}

/*
 * What a caller may rely on, whatever the input: a point's parts lie inside
 * the input, its text is sound, and nsame keeps its word.
 */
static inline bool
point_is_sound(const RustsLpPoint *point, const RustsLpParser *parser,
			   uint32 *nslots)
{
	uint32		i;

	if (point->nfields == 0 || point->nsame > point->nfields ||
		point->nfields > MAX_SLOTS || point->fields != parser->fields ||
		point->line + point->linelen > parser->pos)
		return false;
	for (i = 0; i < point->nfields; i++)
	{
		const RustsLpField *field = &point->fields[i];

		if (field->key.len == 0 ||
			rusts_lp_check_text(field->key.data, field->key.len) != NULL)
			return false;
		if (field->type == RUSTS_LP_STRING &&
			rusts_lp_check_text(field->value.s.data,
								field->value.s.len) != NULL)
			return false;
		if (field->type == RUSTS_LP_FLOAT &&
			(isnan(field->value.f) || isinf(field->value.f)))
			return false;
		if (i < point->nsame &&
			(i >= *nslots || !same_text(field->key, slots[i])))
			return false;
		slots[i] = field->key;
	}
	*nslots = Max(*nslots, point->nfields);
	return true;
}

static inline void
split_series(const RustsLpPoint *point)
{
	static RustsLpTag tags[MAX_TAGS];
	static char text[RUSTS_LP_MAX_KEY];
	RustsLpText measurement;
	uint32		ntags;
	uint32		i;

	if (rusts_lp_parse_series(point->series_key, &measurement, tags, MAX_TAGS,
							  &ntags) != NULL)
		return;
	(void) rusts_lp_unescape_measurement(measurement, text);
	for (i = 0; i < ntags; i++)
	{
		(void) rusts_lp_unescape_tag(tags[i].key, text);
		(void) rusts_lp_unescape_tag(tags[i].value, text);
	}
}

/*
 * Parse the same bytes in all ways; true if all agree and are sound.
 */
static inline bool
ways_agree(const char *data, size_t len, int64 time_unit)
{
	RustsLpParser parsers[lengthof(ways)];
	RustsLpPoint points[lengthof(ways)];
	uint32		nslots[lengthof(ways)] = {0};
	RustsLpResult result;
	bool		ok = true;
	size_t		i;

	for (i = 0; i < lengthof(ways); i++)
		rusts_lp_begin(&parsers[i], data, len, time_unit, test_realloc);
	do
	{
		memset(points, 0x5a, sizeof(points));
		result = ways[0] (&parsers[0], &points[0]);
		for (i = 1; ok && i < lengthof(ways); i++)
		{
			ok = ways[i] (&parsers[i], &points[i]) == result &&
				parsers[i].pos == parsers[0].pos &&
				parsers[i].lineno == parsers[0].lineno;
			if (result == RUSTS_LP_POINT)
				ok = ok && same_point(&points[0], &points[i]);
			if (result == RUSTS_LP_BAD_LINE)
				ok = ok && parsers[i].error == parsers[0].error &&
					parsers[i].line == parsers[0].line &&
					parsers[i].linelen == parsers[0].linelen &&
					parsers[i].bad_lineno == parsers[0].bad_lineno;
		}
		if (result == RUSTS_LP_POINT)
		{
			/* slots[] serves one of the ways, a different one each time */
			i = len % lengthof(ways);
			ok = ok && point_is_sound(&points[i], &parsers[i], &nslots[i]);
			split_series(&points[i]);
		}
	} while (ok && result != RUSTS_LP_END);
	for (i = 0; i < lengthof(ways); i++)
		free(parsers[i].fields);
	return ok;
}

static inline bool
copies_agree(const char *data, size_t len, int64 time_unit)
{
	char	   *copy = exact_copy(data, len);
	bool		ok = ways_agree(copy, len, time_unit);

	free(copy);
	return ok;
}

static const char *const samples[] = {
	"cpu,host=a,region=b usage_user=19i,usage_system=96i,load=0.25,"
	"name=\"x y\",up=true,big=18446744073709551615u 1451606400000000000\n",
	"cpu,host=a,region=b usage_user=20i,usage_system=-96i,load=-1.5e3,"
	"name=\"a \\\"q\\\" \\\\\",up=F,big=0u 1451606400000000001\r\n",
	"cpu,host=b usage_user=20i,load=12345678.12345678,name=\"two\nlines\"\n",
	"m\\,e\\ a\\=s,t\\ k=v\\,v f\\ k=1,g\\,k=\"\" -1\n",
	"# a comment \"with = a quote\n",
	"temp\xc3\xa9rature,lieu=\xe6\x9d\xb1 valeur=\"\xf0\x9f\x8c\xa1 chaud\","
	"d\xc3\xa9j\xc3\xa0=t 1\n",
	"  \t disk free=1234567890123i,used=0.1234567890123456789  16  \n",
	"a_measurement_with_a_rather_long_name_indeed,and_a_tag_key_that_is_long="
	"and_a_value_to_match,another_tag=another_value "
	"a_field_key_that_is_a_good_deal_longer_than_thirty_two_bytes=1i,"
	"f=9223372036854775807i,g=-9223372036854775808i 999999999999999999\n",
};

#endif							/* RUSTS_LINEPROTO_WAYS_H */
