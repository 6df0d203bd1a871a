/*-------------------------------------------------------------------------
 *
 * lineproto_line.c
 *	  One line of line protocol, whatever it holds.
 *
 * The rules are those of InfluxDB 2.x, oddities included, because its users'
 * data has gone through them.  InfluxDB looks at a line several times, and
 * each look has its own idea of an escape and a quote:
 *
 *		where the line ends		a backslash hides the byte behind it; quotes
 *								count behind the first space where more '='
 *								than ',' were met
 *		where the key ends		a space with no backslash before it
 *		where the fields end	as the line's end, from the key's end on;
 *								the values are checked here
 *		what the fields are		a key up to '=' with no backslash before it;
 *								a value up to a comma outside quotes
 *
 * On an ordinary line all of them agree, which is what the short cut in
 * lineproto.c lives on.  Here each is made in full.  We differ from InfluxDB
 * in that a CR before the newline belongs to the end of the line, that one
 * inside a comment is an error, that text must be UTF-8 without NUL bytes, and
 * that a field without a name is refused in every case.
 *
 * src/proto/lineproto_line.c
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

static const char no_memory[] = "out of memory";

static bool next_line(RustsLpParser *parser, const char **start,
					  const char **end, uint64 *lineno);
static const char *find_line_end(const char *p, const char *end,
								 uint64 *newlines);
static bool follows_crlf(const RustsLpParser *parser, const char *line);
static bool has_lone_cr(const char *p, const char *end);
static const char *skip_space(const char *p, const char *end);
static const char *parse_line(RustsLpParser *parser, RustsLpPoint *point,
							  const char *start, const char *end);
static const char *find_key_end(const char *start, const char *end);
static const char *scan_fields(const char *p, const char *end,
							   const char **fields_end);
static const char *scan_value(const char *p, const char *end,
							  RustsLpField *field, const char **value_end);
static const char *split_fields(RustsLpParser *parser, RustsLpPoint *point,
								const char *p, const char *end);
static const char *find_value_end(const char *p, const char *end);
static const char *set_value(RustsLpField *field, const char *p,
							 const char *end);
static RustsLpField *field_slot(RustsLpParser *parser, RustsLpPoint *point,
								const char **error);
static bool is_guessable(RustsLpText key);
static const char *parse_time(RustsLpParser *parser, RustsLpPoint *point,
							  const char *p, const char *end);

RustsLpResult
rusts_lp_next_careful(RustsLpParser *parser, RustsLpPoint *point)
{
	const char *start;
	const char *end;
	const char *error;
	const char *before = parser->pos;
	uint64		lineno;
	uint64		lineno_before = parser->lineno;

	if (!next_line(parser, &start, &end, &lineno))
		return RUSTS_LP_END;

	if (end - start > PG_INT32_MAX)
	{
		error = "line too long";
		end = start + PG_INT32_MAX;
	}
	else
		error = parse_line(parser, point, start, end);
	if (error == NULL)
	{
		point->line = start;
		point->linelen = (uint32) (end - start);
		point->lineno = lineno;
		return RUSTS_LP_POINT;
	}
	if (error == no_memory)
	{
		/* as if not called */
		parser->pos = before;
		parser->lineno = lineno_before;
		return RUSTS_LP_NO_MEMORY;
	}
	parser->error = error;
	parser->line = start;
	parser->linelen = (uint32) (end - start);
	parser->bad_lineno = lineno;
	return RUSTS_LP_BAD_LINE;
}

/*
 * Find the next line that is neither blank nor a comment, from its first byte
 * that is not white space, and step over it.
 */
static bool
next_line(RustsLpParser *parser, const char **start, const char **end,
		  uint64 *lineno)
{
	while (parser->pos < parser->end)
	{
		uint64		newlines = 0;

		*end = find_line_end(parser->pos, parser->end, &newlines);
		*start = parser->pos;
		*lineno = parser->lineno;
		parser->lineno += newlines;
		parser->pos = *end;
		if (*end < parser->end)
		{
			parser->pos++;
			parser->lineno++;
		}
		if (*end > *start && (*end)[-1] == '\r' &&
			(*end < parser->end || follows_crlf(parser, *start)))
			(*end)--;
		*start = skip_space(*start, *end);
		if (*start < *end && (**start != '#' || has_lone_cr(*start, *end)))
			return true;
	}
	return false;
}

/*
 * A CR at the very end of the input is half a CRLF only where the line before
 * ended in a whole one.
 */
static bool
follows_crlf(const RustsLpParser *parser, const char *line)
{
	return line - parser->start >= 2 && line[-1] == '\n' && line[-2] == '\r';
}

/*
 * Is there a CR without LF?  In a comment it is an error, lest data in files
 * whose lines end that way be skipped without a word.
 */
static bool
has_lone_cr(const char *p, const char *end)
{
	while ((p = memchr(p, '\r', end - p)) != NULL)
	{
		if (++p == end || *p != '\n')
			return true;
	}
	return false;
}

/*
 * The newline that ends the line, or end.  Comments obey the same rules.
 */
static const char *
find_line_end(const char *p, const char *end, uint64 *newlines)
{
	bool		fields = false;
	bool		quoted = false;
	int64		excess = 0;		/* '=' less ',' */

	for (; p < end; p++)
	{
		if (*p == '\\' && end - p > 2)
		{
			p++;
			if (*p == '\n')
				(*newlines)++;
			continue;
		}
		if (*p == ' ')
			fields = true;
		if (fields && !quoted && *p == '=')
			excess++;
		else if (fields && !quoted && *p == ',')
			excess--;
		else if (fields && *p == '"' && excess > 0)
			quoted = !quoted;
		else if (*p == '\n')
		{
			if (!quoted)
				break;
			(*newlines)++;
		}
	}
	return p;
}

static const char *
skip_space(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\0'))
		p++;
	return p;
}

/*
 * Fill *point, except for where the line is.  NULL or the error's text.
 */
static const char *
parse_line(RustsLpParser *parser, RustsLpPoint *point, const char *start,
		   const char *end)
{
	const char *key_end;
	const char *fields;
	const char *fields_end;
	const char *error;

	if (*start == ',')
		return "missing measurement";
	if (*start == '#')
		return "carriage return in a comment";
	key_end = find_key_end(start, end);
	point->series_key.data = start;
	point->series_key.len = (uint32) (key_end - start);
	if (key_end == end)
	{
		RustsLpText measurement;
		uint32		ntags;

		error = rusts_lp_parse_series(point->series_key, &measurement,
									  NULL, 0, &ntags);
		return error != NULL ? error : "missing fields";
	}
	if (point->series_key.len > RUSTS_LP_MAX_KEY)
		return "max key length exceeded";

	fields = skip_space(key_end, end);
	if (fields == end)
		return "missing fields";
	error = scan_fields(fields, end, &fields_end);
	if (error == NULL)
		error = rusts_lp_check_text(fields, fields_end - fields);
	if (error == NULL)
		error = split_fields(parser, point, fields, fields_end);
	if (error == NULL)
		error = parse_time(parser, point, fields_end, end);

	/* a key may be guessed only once the caller has seen it in its slot */
	if (error == NULL)
	{
		while (parser->nkeys < point->nfields &&
			   is_guessable(parser->fields[parser->nkeys].key))
			parser->nkeys++;
	}
	return error;
}

static const char *
find_key_end(const char *start, const char *end)
{
	const char *p;

	for (p = start + 1; p < end; p++)
	{
		if (*p == ' ' && p[-1] != '\\')
			break;
	}
	return p;
}

/*
 * Find where the fields end and see to it that each value is one.  At least
 * two bytes stand before p, a key and a space.
 */
static const char *
scan_fields(const char *p, const char *end, const char **fields_end)
{
	bool		quoted = false;
	int64		equals = 0;
	int64		commas = 0;
	const char *error;

	while (p < end)
	{
		if (*p == '\\' && end - p > 1)
		{
			p += 2;
			continue;
		}
		if (*p == '"' && equals > commas)
		{
			quoted = !quoted;
			p++;
			continue;
		}
		if (*p == '=' && !quoted)
		{
			RustsLpField unused;

			equals++;
			if ((p[-1] == ' ' || p[-1] == ',') && p[-2] != '\\')
				return "missing field key";
			if (end - p == 1 || p[1] == ',' || p[1] == ' ')
				return "missing field value";
			if (p[1] != '"')
			{
				error = scan_value(p + 1, end, &unused, &p);
				if (error != NULL)
					return error;
				continue;
			}
		}
		if (*p == ',' && !quoted)
			commas++;
		if (*p == ' ' && !quoted)
			break;
		p++;
	}
	*fields_end = p;
	if (quoted)
		return "unbalanced quotes";
	if (equals == 0 || commas != equals - 1)
		return "invalid field format";
	return NULL;
}

/*
 * A number or boolean, which must end where the value ends.
 */
static const char *
scan_value(const char *p, const char *end, RustsLpField *field,
		   const char **value_end)
{
	const char *error;
	bool		number = (*p >= '0' && *p <= '9') || *p == '.' || *p == '-' ||
		*p == 'N' || *p == 'n';

	if (number)
		p = rusts_lp_scan_number(p, end, field, &error);
	else
		p = rusts_lp_scan_bool(p, end, field, &error);
	if (p == NULL)
		return error;
	if (p < end && *p != ',' && *p != ' ')
		return number ? "invalid number" : "invalid boolean";
	*value_end = p;
	return NULL;
}

/*
 * Split the fields and set the parser's slots.
 */
static const char *
split_fields(RustsLpParser *parser, RustsLpPoint *point, const char *p,
			 const char *end)
{
	const char *error;

	point->nfields = 0;
	point->nsame = 0;
	while (p < end)
	{
		const char *start = p;
		const char *value;
		RustsLpField *field;
		RustsLpText key;

		while (p < end && !(*p == '=' && (p == start || p[-1] != '\\')))
			p++;
		if (end - p < 2)
			return "missing field value";
		key.data = start;
		key.len = (uint32) (p - start);
		if (key.len == 0)
			return "missing field key";
		if ((uint64) point->series_key.len + 4 + key.len > RUSTS_LP_MAX_KEY)
			return "max key length exceeded";
		key.escaped = memchr(start, '\\', key.len) != NULL;

		field = field_slot(parser, point, &error);
		if (field == NULL)
			return error;
		if (point->nfields < parser->nkeys &&
			(field->key.len != key.len ||
			 memcmp(field->key.data, key.data, key.len) != 0))
			parser->nkeys = point->nfields;
		if (point->nfields < parser->nkeys)
			point->nsame++;
		else
			field->key = key;

		value = p + 1;
		p = find_value_end(value, end);
		error = set_value(field, value, p);
		if (error != NULL)
			return error;
		point->nfields++;
		if (p < end)
			p++;
	}
	point->fields = parser->fields;
	return NULL;
}

/*
 * A comma outside quotes.
 */
static const char *
find_value_end(const char *p, const char *end)
{
	bool		quoted = false;

	for (; p < end; p++)
	{
		if (*p == '\\' && end - p > 1 && (p[1] == '"' || p[1] == '\\'))
			p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (*p == ',' && !quoted)
			break;
	}
	return p;
}

/*
 * Text behind a string's closing quote is part of the string, and so is the
 * quote; only the last byte goes, which is the quote in all sound input.
 */
static const char *
set_value(RustsLpField *field, const char *p, const char *end)
{
	const char *value_end = NULL;
	const char *error;

	if (p == end)
		return "missing field value";
	if (*p == '"')
	{
		if (end - p < 2)
			return "unbalanced quotes";
		field->type = RUSTS_LP_STRING;
		field->value.s.data = p + 1;
		field->value.s.len = (uint32) (end - p - 2);
		field->value.s.escaped = memchr(p + 1, '\\', end - p - 2) != NULL;
		if (end[-1] != '"')
			return rusts_lp_check_text(p + 1, end - p - 2);
		return NULL;
	}
	error = scan_value(p, end, field, &value_end);
	if (error == NULL && value_end != end)
		error = "invalid field format";
	return error;
}

/*
 * The slot for the point's next field; NULL and the error's text when there
 * is none.
 */
static RustsLpField *
field_slot(RustsLpParser *parser, RustsLpPoint *point, const char **error)
{
	if (point->nfields == parser->max_fields)
	{
		uint32		max_fields = Max(parser->max_fields * 2, 64);
		RustsLpField *fields;

		*error = "too many fields";
		if (parser->max_fields >= RUSTS_LP_MAX_FIELDS)
			return NULL;
		*error = no_memory;
		fields = parser->realloc_fn(parser->fields,
									max_fields * sizeof(RustsLpField));
		if (fields == NULL)
			return NULL;
		parser->fields = fields;
		parser->max_fields = max_fields;
	}
	return &parser->fields[point->nfields];
}

/*
 * May the short cut take the same bytes for the same key in another line?
 * That needs a key on which all of InfluxDB's looks at a line agree.
 */
static bool
is_guessable(RustsLpText key)
{
	uint32		i;

	for (i = 0; i < key.len; i++)
	{
		if ((uint8) key.data[i] <= ' ' || key.data[i] == ',' ||
			key.data[i] == '"' || key.data[i] == '\\')
			return false;
	}
	return true;
}

static const char *
parse_time(RustsLpParser *parser, RustsLpPoint *point, const char *p,
		   const char *end)
{
	uint64		magnitude = 0;
	bool		negative;
	const char *first;

	p = skip_space(p, end);
	point->has_time = p < end;
	if (p == end)
		return NULL;
	negative = *p == '-';
	if (negative)
		p++;
	for (first = p; p < end && *p >= '0' && *p <= '9'; p++)
	{
		if (magnitude > (PG_UINT64_MAX - 9) / 10)
			magnitude = PG_UINT64_MAX;	/* stays out of range */
		else
			magnitude = magnitude * 10 + (*p - '0');
	}
	if (p == first || (p < end && *p != ' '))
		return "bad timestamp";
	for (; p < end; p++)
	{
		if (*p != ' ')
			return "text after the timestamp";
	}
	if (!rusts_lp_scale_time(magnitude, negative, parser->time_unit,
							 &point->time))
		return "time outside range";
	return NULL;
}
