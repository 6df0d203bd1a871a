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

/* More fields in one line are an error of that line. */
#define RUSTS_LP_MAX_FIELDS		1048576

/* More tags in one series key are an error of that key. */
#define RUSTS_LP_MAX_TAGS		4096

/* Longest series key plus field key, InfluxDB's limit. */
#define RUSTS_LP_MAX_KEY		65535

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

/*
 * key may point to an equal text in an earlier line of the same input.  Key
 * and string value are valid UTF-8 without NUL bytes, escaped or not.
 */
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
 * the measurement and the tags are checked, their encoding included.
 *
 * nsame lets a caller keep something of its own per field slot, such as the
 * column the slot's key leads to: the keys of fields[0 .. nsame - 1] are those
 * the same slots had in the last point that reached them, the slots from nsame
 * on must be looked at.  The measurement may well be another one.  Every point
 * returned counts, so a caller that passes over one, for instance because its
 * series key is bad, must forget what it keeps.
 *
 * The bytes of line are not checked as a whole (a bad line may hold anything).
 */
typedef struct RustsLpPoint
{
	RustsBytes	series_key;
	uint32		nfields;		/* >= 1 */
	uint32		nsame;			/* <= nfields */
	RustsLpField *fields;		/* owned by the parser, until the next call */
	bool		has_time;
	int64		time;			/* nanoseconds since 1970-01-01, precision
								 * applied; undefined unless has_time */
	const char *line;			/* the line's first byte that is not white
								 * space, for messages */
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
	const char *start;
	const char *pos;
	const char *end;
	uint64		lineno;
	int64		time_unit;		/* nanoseconds per unit of the timestamps, or
								 * RUSTS_LP_AUTO */
	RustsLpField *fields;
	uint32		max_fields;
	uint32		nkeys;			/* slots whose key may be guessed again */
	RustsLpRealloc realloc_fn;
	/* of the last bad line */
	const char *error;			/* static text, "invalid number" and so on */
	const char *line;
	uint32		linelen;
	uint64		bad_lineno;
};

/*
 * Unit of the timestamps to be guessed, for each by its size, where InfluxDB 3
 * draws the lines: seconds below 5e9, milliseconds below 5e12, microseconds
 * below 5e15 (absolute values), else nanoseconds.
 */
#define RUSTS_LP_AUTO	0

/*
 * Parse len bytes at data; they stay the caller's, unchanged, and must outlive
 * the parser.  time_unit is what rusts_lp_precision returned.
 *
 * parser->fields is what realloc_fn gave; there is no rusts_lp_end, a caller
 * that wants it back frees it.
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
 * small grows it and calls again (duplicates are only found when all fit).
 * NULL when all is well, else the static text of the error ("missing tag
 * value", "duplicate tags", ...).
 */
extern const char *rusts_lp_parse_series(RustsBytes series_key,
										 RustsLpText *measurement,
										 RustsLpTag *tags, uint32 max_tags,
										 uint32 *ntags);

/*
 * Remove the escapes; dst has room for text.len bytes.  Returns the length.
 * Measurements and field keys know one escape more than tags, \" (InfluxDB's
 * own quirk), so each kind has its function: ..._tag is for keys and values of
 * tags, ..._key for keys of fields.
 */
extern uint32 rusts_lp_unescape_measurement(RustsLpText text, char *dst);
extern uint32 rusts_lp_unescape_tag(RustsLpText text, char *dst);
extern uint32 rusts_lp_unescape_key(RustsLpText text, char *dst);
extern uint32 rusts_lp_unescape_string(RustsLpText text, char *dst);

/*
 * Nanoseconds per unit of a precision name (the union of what InfluxDB 1.x,
 * 2.x and 3 accept), RUSTS_LP_AUTO for "auto"; -1 for an unknown name.
 */
extern int64 rusts_lp_precision(const char *name, size_t len);

#endif							/* RUSTS_LINEPROTO_H */
