/*-------------------------------------------------------------------------
 *
 * lineproto_series.c
 *	  Series keys, escapes, text, names of precisions.
 *
 * In a series key a byte is escaped when a backslash stands right before it,
 * be that backslash escaped itself or not: "a\\,b" holds an escaped comma.
 * That is InfluxDB's rule.  A backslash goes away only before a byte that it
 * can escape there, otherwise it is an ordinary one:
 *
 *		measurement, field key		comma, space, equals, quote
 *		tag key and value			comma, space, equals
 *		string						quote, backslash
 *
 * src/proto/lineproto_series.c
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include "proto/lineproto_int.h"

static const char *scan_part(const char *start, const char *end,
							 const char *stops, RustsLpText *part);
static const char *check_duplicates(const RustsLpTag *tags, uint32 ntags);
static int	compare_text(RustsLpText a, RustsLpText b);
static size_t utf8_char_length(const uint8 *p, const uint8 *end);
static uint32 unescape(RustsLpText text, const char *escapable, char *dst);

const char *
rusts_lp_parse_series(RustsBytes series_key, RustsLpText *measurement,
					  RustsLpTag *tags, uint32 max_tags, uint32 *ntags)
{
	const char *p = series_key.data;
	const char *end = p + series_key.len;
	const char *error;

	*ntags = 0;
	if (series_key.len > RUSTS_LP_MAX_KEY)
		return "max key length exceeded";
	if (p == end || *p == ',')
		return "missing measurement";
	p = scan_part(p, end, ", ", measurement);
	if (p < end && *p == ' ')
		return "invalid series key";

	while (p < end)
	{
		RustsLpTag	tag;

		p++;					/* the comma */
		if (p == end || *p == ' ' || *p == ',' || *p == '=')
			return "missing tag key";
		p = scan_part(p, end, "=, ", &tag.key);
		if (p == end || *p != '=')
			return "missing tag value";
		p++;
		if (p == end || *p == ',' || *p == ' ')
			return "missing tag value";
		p = scan_part(p, end, "=, ", &tag.value);
		if (p < end && *p != ',')
			return "invalid tag format";
		if (*ntags == RUSTS_LP_MAX_TAGS)
			return "too many tags";
		if (*ntags < max_tags)
			tags[*ntags] = tag;
		(*ntags)++;
	}

	error = rusts_lp_check_text(series_key.data, series_key.len);
	if (error == NULL && *ntags <= max_tags)
		error = check_duplicates(tags, *ntags);
	return error;
}

uint32
rusts_lp_unescape_measurement(RustsLpText text, char *dst)
{
	return unescape(text, ", =\"", dst);
}

uint32
rusts_lp_unescape_tag(RustsLpText text, char *dst)
{
	return unescape(text, ", =", dst);
}

uint32
rusts_lp_unescape_key(RustsLpText text, char *dst)
{
	return unescape(text, ", =\"", dst);
}

uint32
rusts_lp_unescape_string(RustsLpText text, char *dst)
{
	return unescape(text, "\"\\", dst);
}

int64
rusts_lp_precision(const char *name, size_t len)
{
	static const struct
	{
		const char *name;
		int64		unit;
	}			precisions[] = {
		{"ns", 1},
		{"n", 1},
		{"nanosecond", 1},
		{"us", INT64CONST(1000)},
		{"u", INT64CONST(1000)},
		{"\xc2\xb5", INT64CONST(1000)}, /* the micro sign, and mu */
		{"\xc2\xb5s", INT64CONST(1000)},
		{"\xce\xbc", INT64CONST(1000)},
		{"\xce\xbcs", INT64CONST(1000)},
		{"microsecond", INT64CONST(1000)},
		{"ms", INT64CONST(1000000)},
		{"millisecond", INT64CONST(1000000)},
		{"s", INT64CONST(1000000000)},
		{"second", INT64CONST(1000000000)},
		{"m", INT64CONST(60000000000)},
		{"h", INT64CONST(3600000000000)},
		{"auto", RUSTS_LP_AUTO}
	};
	size_t		i;

	for (i = 0; i < lengthof(precisions); i++)
	{
		if (strlen(precisions[i].name) == len &&
			memcmp(precisions[i].name, name, len) == 0)
			return precisions[i].unit;
	}
	return -1;
}

const char *
rusts_lp_check_text(const char *data, size_t len)
{
	const uint8 *p = (const uint8 *) data;
	const uint8 *end = p + len;

	while (p < end)
	{
		if (end - p >= 8)
		{
			/* eight ASCII bytes, none of them NUL */
			uint64		word = rusts_get_u64(p);
			uint64		nul = word - UINT64CONST(0x0101010101010101);

			if (((word | nul) & UINT64CONST(0x8080808080808080)) == 0)
			{
				p += 8;
				continue;
			}
		}
		if (*p == 0)
			return "NUL byte";
		len = utf8_char_length(p, end);
		if (len == 0)
			return "invalid UTF-8";
		p += len;
	}
	return NULL;
}

/*
 * Up to the first of the stops that no backslash precedes.  The first byte is
 * part of the text whatever it is.
 */
static const char *
scan_part(const char *start, const char *end, const char *stops,
		  RustsLpText *part)
{
	const char *p;

	part->escaped = *start == '\\';
	for (p = start + 1; p < end; p++)
	{
		if (*p == '\\')
			part->escaped = true;
		else if (*p != '\0' && strchr(stops, *p) != NULL && p[-1] != '\\')
			break;
	}
	part->data = start;
	part->len = (uint32) (p - start);
	return p;
}

/*
 * Tags usually come sorted, as InfluxDB recommends, and then one pass tells.
 * Otherwise compare each with each: RUSTS_LP_MAX_TAGS bounds what that costs.
 *
 * Equal names have equal escapes, so the raw texts will do.
 */
static const char *
check_duplicates(const RustsLpTag *tags, uint32 ntags)
{
	uint32		i;
	uint32		j;

	for (i = 1; i < ntags; i++)
	{
		if (compare_text(tags[i - 1].key, tags[i].key) >= 0)
			break;
	}
	for (; i < ntags; i++)
	{
		for (j = 0; j < i; j++)
		{
			if (compare_text(tags[j].key, tags[i].key) == 0)
				return "duplicate tags";
		}
	}
	return NULL;
}

static int
compare_text(RustsLpText a, RustsLpText b)
{
	int			cmp = memcmp(a.data, b.data, Min(a.len, b.len));

	if (cmp != 0)
		return cmp;
	return (a.len > b.len) - (a.len < b.len);
}

/*
 * Bytes of the character at p, 0 if it is none.  As RFC 3629 has it, the first
 * byte limits the second: nothing overlong, no surrogates, nothing above
 * U+10FFFF.
 */
static size_t
utf8_char_length(const uint8 *p, const uint8 *end)
{
	uint8		low = 0x80;
	uint8		high = 0xBF;
	size_t		len;
	size_t		i;

	if (*p < 0x80)
		return 1;
	if (*p < 0xC2 || *p > 0xF4)
		return 0;
	len = *p < 0xE0 ? 2 : *p < 0xF0 ? 3 : 4;
	if ((size_t) (end - p) < len)
		return 0;
	if (*p == 0xE0)
		low = 0xA0;
	else if (*p == 0xED)
		high = 0x9F;
	else if (*p == 0xF0)
		low = 0x90;
	else if (*p == 0xF4)
		high = 0x8F;
	if (p[1] < low || p[1] > high)
		return 0;
	for (i = 2; i < len; i++)
	{
		if ((p[i] & 0xC0) != 0x80)
			return 0;
	}
	return len;
}

static uint32
unescape(RustsLpText text, const char *escapable, char *dst)
{
	uint32		len = 0;
	uint32		i;

	if (!text.escaped)
	{
		memcpy(dst, text.data, text.len);
		return text.len;
	}
	for (i = 0; i < text.len; i++)
	{
		if (text.data[i] == '\\' && i + 1 < text.len &&
			text.data[i + 1] != '\0' &&
			strchr(escapable, text.data[i + 1]) != NULL)
			i++;
		dst[len++] = text.data[i];
	}
	return len;
}
