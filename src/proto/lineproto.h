/*-------------------------------------------------------------------------
 *
 * lineproto.h
 *	  InfluxDB line protocol, one pass, nothing allocated per point.
 *
 * src/proto/lineproto.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_LINEPROTO_H
#define RUSTS_LINEPROTO_H

#include "base/bytes.h"

typedef enum RustsLpType
{
	RUSTS_LP_FLOAT = 1,
	RUSTS_LP_INT,
	RUSTS_LP_UINT,
	RUSTS_LP_STRING,
	RUSTS_LP_BOOL
} RustsLpType;

/*
 * A name or string as it stands in the input.  When escaped is set, the text
 * still has its backslashes; rusts_lp_unescape_* makes it plain.
 */
typedef struct RustsLpText
{
	const char *data;
	uint32		len;
	bool		escaped;
} RustsLpText;

typedef struct RustsLpField
{
	RustsLpText key;
	RustsLpType type;
	union
	{
		double		f;
		int64		i;
		uint64		u;
		bool		b;
		RustsLpText s;			/* without the quotes */
	}			value;
} RustsLpField;

/*
 * One point.  series_key is the raw text of measurement and tags together
 * ("cpu,host=a,region=b"), exactly as it stands in the line: a caller that has
 * met the same bytes before need not look inside.  Whoever meets a key
 * for the first time must call rusts_lp_parse_series on it, for that is where
 * the measurement and the tags are checked.
 */
typedef struct RustsLpPoint
{
	RustsBytes	series_key;
	uint32		nfields;		/* >= 1 */
	RustsLpField *fields;		/* owned by the parser, until the next call */
	bool		has_time;
	int64		time;			/* nanoseconds since 1970-01-01, precision
								 * applied; undefined unless has_time */
	const char *line;			/* the line's first byte, for messages */
	uint32		linelen;		/* without the end of line */
	uint64		lineno;			/* from 1; a raw newline inside a quoted
								 * string counts as a line */
} RustsLpPoint;

typedef enum RustsLpResult
{
	RUSTS_LP_POINT,				/* *point is filled */
	RUSTS_LP_BAD_LINE,			/* parser->error, ->line, ->linelen, ->lineno
								 * tell; the next call goes on after it */
	RUSTS_LP_END,				/* no more lines */
	RUSTS_LP_NO_MEMORY			/* field array could not grow */
} RustsLpResult;

typedef struct RustsLpParser RustsLpParser;

/* Grows the parser's field array; realloc's contract. */
typedef void *(*RustsLpRealloc) (void *ptr, size_t size);

struct RustsLpParser
{
	const char *pos;
	const char *end;
	uint64		lineno;
	int64		time_unit;		/* nanoseconds per unit of the timestamps */
	RustsLpField *fields;
	uint32		max_fields;
	RustsLpRealloc realloc_fn;
	/* of the bad line */
	const char *error;			/* static text, "invalid number" and so on */
	const char *line;
	uint32		linelen;
	uint64		bad_lineno;
};

/*
 * Parse len bytes at data; they stay the caller's and must outlive the
 * parser.  time_unit is 1, 1000, ... 3600000000000 (rusts_lp_precision).
 */
extern void rusts_lp_begin(RustsLpParser *parser, const char *data, size_t len,
						   int64 time_unit, RustsLpRealloc realloc_fn);
extern RustsLpResult rusts_lp_next(RustsLpParser *parser, RustsLpPoint *point);

typedef struct RustsLpTag
{
	RustsLpText key;
	RustsLpText value;
} RustsLpTag;

/*
 * Split a series key.  Tags come in the line's order, at most max_tags of
 * them; *ntags is always their full number, so a caller whose array is too
 * small grows it and calls again.  NULL when all is well, else the static
 * text of the error ("missing tag value", "duplicate tags", ...).
 */
extern const char *rusts_lp_parse_series(RustsBytes series_key,
										 RustsLpText *measurement,
										 RustsLpTag *tags, uint32 max_tags,
										 uint32 *ntags);

/*
 * Remove the escapes; dst has room for text.len bytes.  Returns the length.
 */
extern uint32 rusts_lp_unescape_measurement(RustsLpText text, char *dst);
extern uint32 rusts_lp_unescape_key(RustsLpText text, char *dst);	/* tags, too */
extern uint32 rusts_lp_unescape_string(RustsLpText text, char *dst);

/*
 * Nanoseconds per unit of a precision name (the union of what InfluxDB 1.x,
 * 2.x and 3 accept); 0 for an unknown name.
 */
extern int64 rusts_lp_precision(const char *name, size_t len);

#endif							/* RUSTS_LINEPROTO_H */
