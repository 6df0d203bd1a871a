/*-------------------------------------------------------------------------
 *
 * lineproto.c
 *	  InfluxDB line protocol, one pass: the short cut for ordinary lines.
 *
 * A stream of points repeats itself: a line mostly has the fields of the line
 * before it, in the same order.  So the parser keeps the field keys of the
 * lines behind it in slots, and takes a line like this:
 *
 *		cpu,host=a,region=b usage_user=19i,usage_system=96i 1451606400000000000
 *		|					|		   |
 *		|					|		   digits, eight bytes at a time
 *		|					does slot 0's key stand here?  One comparison, and
 *		|					it need not be looked at byte by byte
 *		up to the space, 64 bytes at a time; what is in it is not looked at
 *
 * Anything out of the ordinary makes the short cut give up without a trace,
 * and rusts_lp_next_careful takes the line from its start: escapes in names,
 * odd white space, comments, everything that is wrong, and the last bytes of
 * the input, where whole words cannot be loaded.  So only lines that are right
 * by all the rules, and simple, need be recognized here.
 *
 * src/proto/lineproto.c
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "proto/lineproto_int.h"
#include "proto/lineproto_number.h"
#include "proto/lineproto_scan.h"

/* Names longer than these are left, with the limit, to the careful way. */
#define MAX_SERIES_KEY	60000
#define MAX_FIELD_KEY	4096

static bool next_simple(RustsLpParser *parser, RustsLpPoint *point);
static const char *escaped_series_end(const char *p, const char *end);
static inline const char *simple_key(RustsLpParser *parser,
									 RustsLpPoint *point, const char *p);
static inline const char *simple_value(const char *p, const char *end,
									   RustsLpField *field, uint64 *newlines);
static const char *simple_string(const char *p, const char *end,
								 RustsLpField *field, uint64 *newlines);
static inline const char *simple_time(const char *p, int64 time_unit,
									  int64 *time);

void
rusts_lp_begin(RustsLpParser *parser, const char *data, size_t len,
			   int64 time_unit, RustsLpRealloc realloc_fn)
{
	memset(parser, 0, sizeof(*parser));
	parser->start = data;
	parser->pos = data;
	parser->end = data + len;
	parser->lineno = 1;
	parser->time_unit = time_unit;
	parser->realloc_fn = realloc_fn;
}

RustsLpResult
rusts_lp_next(RustsLpParser *parser, RustsLpPoint *point)
{
	if (next_simple(parser, point))
		return RUSTS_LP_POINT;
	return rusts_lp_next_careful(parser, point);
}

/*
 * Take the next line if it is simple.  When false, nothing has changed but
 * slots at and behind parser->nkeys.
 */
static bool
next_simple(RustsLpParser *parser, RustsLpPoint *point)
{
	const char *start = parser->pos;
	const char *end = parser->end;
	const char *p;
	uint64		newlines = 0;

	if (parser->fields == NULL || end - start < RUSTS_LP_SLACK ||
		(uint8) *start <= ' ' || *start == '#' || *start == ',')
		return false;
	p = rusts_lp_scan_series(start, end);
	if (p != NULL && *p == '\\')
		p = escaped_series_end(start, end);
	if (p == NULL || *p != ' ' || p - start > MAX_SERIES_KEY)
		return false;
	point->series_key.data = start;
	point->series_key.len = (uint32) (p - start);

	point->nfields = 0;
	point->nsame = 0;
	do
	{
		RustsLpField *field = &parser->fields[point->nfields];

		if (end - ++p < RUSTS_LP_SLACK)
			return false;
		p = simple_key(parser, point, p);
		if (p == NULL || end - p < RUSTS_LP_SLACK / 2)
			return false;
		p = simple_value(p, end, field, &newlines);
		if (p == NULL || end - p < RUSTS_LP_SLACK / 2)
			return false;
		point->nfields++;
	} while (*p == ',');

	point->has_time = *p == ' ';
	if (*p == ' ')
	{
		p = simple_time(p + 1, parser->time_unit, &point->time);
		if (p == NULL)
			return false;
	}
	point->linelen = (uint32) (p - start);
	if (*p == '\r')
		p++;
	if (*p != '\n')
		return false;

	point->fields = parser->fields;
	point->line = start;
	point->lineno = parser->lineno;
	parser->nkeys = Max(parser->nkeys, point->nfields);
	parser->lineno += newlines + 1;
	parser->pos = p + 1;
	return true;
}

/*
 * End of a series key with escapes; NULL when it has what InfluxDB's several
 * looks at the line may take differently: two backslashes side by side, a
 * newline, a quote.
 */
static const char *
escaped_series_end(const char *p, const char *end)
{
	for (p++; p < end; p++)
	{
		if (*p == '\n' || *p == '"' || (*p == '\\' && p[-1] == '\\'))
			return NULL;
		if (*p == ' ' && p[-1] != '\\')
			return p;
	}
	return NULL;
}

/*
 * Read the key of the point's next field and its '='.  RUSTS_LP_SLACK bytes
 * can be read from p, so also from each key before it.
 */
static inline const char *
simple_key(RustsLpParser *parser, RustsLpPoint *point, const char *p)
{
	uint32		n = point->nfields;
	RustsLpText *key = &parser->fields[n].key;
	const char *equals;

	if (likely(n < parser->nkeys))
	{
		/* an equals sign follows the key there, so compare that as well */
		if (likely(key->len < RUSTS_LP_SLACK &&
				   rusts_lp_same_key(p, key->data, key->len + 1)))
		{
			point->nsame++;
			return p + key->len + 1;
		}
		parser->nkeys = n;
	}
	if (n >= parser->max_fields)
		return NULL;
	equals = rusts_lp_scan_field_key(p, parser->end);
	if (equals == NULL || *equals != '=' || equals == p ||
		equals - p > MAX_FIELD_KEY)
		return NULL;
	key->data = p;
	key->len = (uint32) (equals - p);
	key->escaped = false;
	return equals + 1;
}

/*
 * Read a value.  What is behind it is for the caller to judge.  At least
 * RUSTS_LP_SLACK / 2 bytes can be read from p.
 */
static inline const char *
simple_value(const char *p, const char *end, RustsLpField *field,
			 uint64 *newlines)
{
	const char *first = p;
	const char *error;
	bool		negative = *p == '-';
	uint64		word;
	uint32		ndigits;
	int64		value;

	p += negative;
	word = rusts_lp_get_digits(p);
	ndigits = rusts_lp_count_digits(word);
	if (likely(ndigits - 1 < 7))
	{
		value = rusts_lp_digits_value(word, ndigits);
		p += ndigits;
		if (*p == 'i')
		{
			field->type = RUSTS_LP_INT;
			field->value.i = negative ? -value : value;
			return p + 1;
		}
#ifdef RUSTS_LP_EXACT_DOUBLE
		if (*p == ',' || *p == ' ' || *p == '\n' || *p == '\r')
		{
			field->type = RUSTS_LP_FLOAT;
			field->value.f = negative ? -(double) value : (double) value;
			return p;
		}
		if (*p == '.')
		{
			word = rusts_lp_get_digits(p + 1);
			ndigits = rusts_lp_count_digits(word);
			if (likely(ndigits - 1 < 7))
			{
				value = value * (int64) rusts_lp_power10[ndigits] +
					rusts_lp_digits_value(word, ndigits);
				p += ndigits + 1;
				if (likely(*p != 'e' && *p != 'E'))
				{
					double		number = (double) value /
						(double) rusts_lp_power10[ndigits];

					field->type = RUSTS_LP_FLOAT;
					field->value.f = negative ? -number : number;
					return p;
				}
			}
		}
#endif
	}
	else if (!negative)
	{
		if (*p == '"')
			return simple_string(p + 1, end, field, newlines);
		if (*p == 't' || *p == 'f' || *p == 'T' || *p == 'F')
			return rusts_lp_scan_bool(p, end, field, &error);
	}
	return rusts_lp_scan_number(first, end, field, &error);
}

/*
 * Read a string from behind its opening quote.
 */
static const char *
simple_string(const char *p, const char *end, RustsLpField *field,
			  uint64 *newlines)
{
	const char *start = p;
	bool		high = false;

	field->value.s.escaped = false;
	for (;; p++)
	{
		p = rusts_lp_scan_string(p, end, &high);
		if (p == NULL || *p == '\0')
			return NULL;
		if (*p == '"')
			break;
		if (*p == '\n')
			(*newlines)++;
		else
		{
			/* a backslash, which may well stand before a newline */
			field->value.s.escaped = true;
			if (end - p < RUSTS_LP_SLACK)
				return NULL;
			if (p[1] == '"' || p[1] == '\\')
				p++;
		}
	}
	if (p - start > PG_INT32_MAX ||
		(high && rusts_lp_check_text(start, p - start) != NULL))
		return NULL;
	field->type = RUSTS_LP_STRING;
	field->value.s.data = start;
	field->value.s.len = (uint32) (p - start);
	return p + 1;
}

/*
 * Read a timestamp, at most 19 digits of it.
 */
static inline const char *
simple_time(const char *p, int64 time_unit, int64 *time)
{
	bool		negative = *p == '-';
	uint64		magnitude = 0;
	int			words;

	p += negative;
	for (words = 0; words < 3; words++)
	{
		uint64		word = rusts_lp_get_digits(p);
		uint32		ndigits = rusts_lp_count_digits(word);

		if (ndigits == 0 && words == 0)
			return NULL;
		if (words == 2 && ndigits > 3)
			return NULL;
		if (ndigits == 0)
			break;
		magnitude = magnitude * rusts_lp_power10[ndigits] +
			rusts_lp_digits_value(word, ndigits);
		p += ndigits;
		if (ndigits < 8)
			break;
	}
	if (!rusts_lp_scale_time(magnitude, negative, time_unit, time))
		return NULL;
	return p;
}
