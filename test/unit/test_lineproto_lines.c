/*-------------------------------------------------------------------------
 *
 * test_lineproto_lines.c
 *	  Where lines end and what is wrong with them; series keys; large input.
 *
 * test/unit/test_lineproto_lines.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres_fe.h"

#include "lineproto_ways.h"

/*----------
 * Lines
 *----------
 */

static void
test_line_numbers(void)
{
	static const char text[] =
		"\n# one\nm f=\"a\nb\nc\",g=1i 1\n"
		"m f=\"\\\n\",g=2i 2\r\n"
		"\r\n"
		"bad\n"
		"  m f=\"\",g=3i 3\n"
		"m f=\"a\n\\\"\n\",g=4i\n"
		"# this line and the hundred bytes in it keep the last point away "
		"from the end of the input as well\n";
	static const uint64 linenos[] = {3, 6, 10, 11};
	RustsLpParser parser;
	RustsLpPoint point;
	size_t		way;
	int			i;

	for (way = 0; way < lengthof(ways); way++)
	{
		rusts_lp_begin(&parser, text, strlen(text), 1, test_realloc);
		for (i = 0; i < 4; i++)
		{
			RustsLpResult result = ways[way] (&parser, &point);

			if (result == RUSTS_LP_BAD_LINE)
			{
				check(i == 2 && parser.bad_lineno == 9 &&
					  parser.linelen == 3 &&
					  memcmp(parser.line, "bad", 3) == 0 &&
					  strcmp(parser.error, "missing fields") == 0,
					  "the bad line");
				result = ways[way] (&parser, &point);
			}
			check(result == RUSTS_LP_POINT && point.lineno == linenos[i] &&
				  point.nfields == 2 && point.fields[1].value.i == i + 1 &&
				  point.line[0] == 'm' &&
				  point.line[point.linelen - 1] != '\r', "line numbers");
		}
		check(ways[way] (&parser, &point) == RUSTS_LP_END &&
			  parser.lineno == 15, "the last line");
		free(parser.fields);
	}
	check(ways_agree(text, strlen(text), 1), "line numbers in all ways");
}

/*
 * A bad line takes only itself along.
 */
static void
test_bad_lines(void)
{
	static const struct
	{
		const char *line;
		const char *error;
	}			bad[] = {
		{",t=v f=1", "missing measurement"},
		{"m", "missing fields"},
		{"m,t=v", "missing fields"},
		{"m ", "missing fields"},
		{"m f", "invalid field format"},
		{"m =1", "missing field key"},
		{"m f=1,=2", "missing field key"},
		{"m \t=1", "missing field key"},
		{"m f=", "missing field value"},
		{"m f=,g=1", "missing field value"},
		{"m f=1,g", "invalid field format"},
		{"m f=x", "invalid boolean"},
		{"m f=1x", "invalid number"},
		{"m f=1e999", "number out of range"},
		{"m f=9223372036854775808i", "integer out of range"},
		{"m f=1 x", "bad timestamp"},
		{"m f=1 1 x", "text after the timestamp"},
		{"m f=1 9223372036854775807", "time outside range"},
		{"m f=\"\xff\"", "invalid UTF-8"},
		{"m f\xc3=1", "invalid UTF-8"},
		{"m f=\"a\"\xc3\xa9", "invalid UTF-8"}
	};
	static const char *const good = "m,t=v f=1i,g=\"s\" 1\n";
	size_t		way;
	size_t		i;

	for (i = 0; i < lengthof(bad); i++)
	{
		Buffer		text = {NULL, 0, 0};

		append_string(&text, good);
		append_string(&text, bad[i].line);
		append_string(&text, "\n");
		append_string(&text, good);
		append_string(&text, samples[4]);
		append_string(&text, samples[4]);
		append_string(&text, samples[4]);
		for (way = 0; way < lengthof(ways); way++)
		{
			RustsLpParser parser;
			RustsLpPoint point;

			rusts_lp_begin(&parser, text.data, text.len, 1, test_realloc);
			check(ways[way] (&parser, &point) == RUSTS_LP_POINT &&
				  ways[way] (&parser, &point) == RUSTS_LP_BAD_LINE &&
				  strcmp(parser.error, bad[i].error) == 0 &&
				  parser.bad_lineno == 2 &&
				  parser.linelen == strlen(bad[i].line) &&
				  ways[way] (&parser, &point) == RUSTS_LP_POINT &&
				  point.time == 1 && point.nfields == 2 &&
				  ways[way] (&parser, &point) == RUSTS_LP_END, bad[i].line);
			free(parser.fields);
		}
		free(text.data);
	}
	check(copies_agree("m f=\"a\0b\"\nm a\0b=1\nm\0 f=1", 24, 1),
		  "NUL bytes");
}

static void
test_series(void)
{
	static const struct
	{
		const char *key;
		const char *error;
		uint32		ntags;
	}			keys[] = {
		{"m", NULL, 0},
		{"m,a=b", NULL, 1},
		{"m,a=b,c=d", NULL, 2},
		{"m,c=d,a=b", NULL, 2},
		{"m,a==", NULL, 1},
		{"m,a=\\", NULL, 1},
		{"", "missing measurement", 0},
		{",a=b", "missing measurement", 0},
		{"m,", "missing tag key", 0},
		{"m,=b", "missing tag key", 0},
		{"m,a", "missing tag value", 0},
		{"m,a=", "missing tag value", 0},
		{"m,a=,c=d", "missing tag value", 0},
		{"m,a=b=c", "invalid tag format", 0},
		{"m,a=b,a=c", "duplicate tags", 0},
		{"m,b=b,a=c,b=d", "duplicate tags", 0},
		{"m,a=\xc3", "invalid UTF-8", 0},
		{"m,a\xed\xa0\x80=b", "invalid UTF-8", 0},
		{"m\xf4\x90\x80\x80", "invalid UTF-8", 0},
		{"m\xc0\x80", "invalid UTF-8", 0},
		{"m\xf4\x8f\xbf\xbf,a=\xef\xbf\xbd,b=\xe0\xa0\x80", NULL, 2}
	};
	RustsLpText measurement;
	RustsLpTag	tags[4];
	RustsBytes	key;
	uint32		ntags;
	Buffer		many = {NULL, 0, 0};
	char		text[32];
	RustsLpTag *all;
	size_t		i;

	for (i = 0; i < lengthof(keys); i++)
	{
		const char *error;

		key.len = (uint32) strlen(keys[i].key);
		key.data = exact_copy(keys[i].key, key.len);
		error = rusts_lp_parse_series(key, &measurement, tags, 4, &ntags);
		if (keys[i].error == NULL)
			check(error == NULL && ntags == keys[i].ntags, keys[i].key);
		else
			check(error != NULL && strcmp(error, keys[i].error) == 0,
				  keys[i].key);
		free((char *) key.data);
	}

	append_string(&many, "m");
	for (i = 0; i < RUSTS_LP_MAX_TAGS; i++)
	{
		snprintf(text, sizeof(text), ",t%zu=v%zu", i * 2654435761U % 9973, i);
		append_string(&many, text);
	}
	key.data = many.data;
	key.len = (uint32) many.len;
	all = malloc(RUSTS_LP_MAX_TAGS * sizeof(RustsLpTag));
	check(rusts_lp_parse_series(key, &measurement, tags, 4, &ntags) == NULL &&
		  ntags == RUSTS_LP_MAX_TAGS && measurement.len == 1,
		  "more tags than there is room for");
	check(rusts_lp_parse_series(key, &measurement, all, ntags,
								&ntags) == NULL &&
		  ntags == RUSTS_LP_MAX_TAGS && all[1].value.len == 2,
		  "as many tags as may be");
	append_string(&many, ",a=b");
	key.data = many.data;
	key.len = (uint32) many.len;
	check(rusts_lp_parse_series(key, &measurement, all, RUSTS_LP_MAX_TAGS,
								&ntags) != NULL, "one tag too many");
	free(all);
	free(many.data);
}

static void
test_unescape(void)
{
	static const char raw[] = "a\\,b\\ c\\=d\\\"e\\\\f\\n\\";
	RustsLpText text = {raw, sizeof(raw) - 1, true};
	char		plain[64];
	uint32		len;

	len = rusts_lp_unescape_measurement(text, plain);
	check(len == strlen("a,b c=d\"e\\\\f\\n\\") &&
		  memcmp(plain, "a,b c=d\"e\\\\f\\n\\", len) == 0, "measurement");
	len = rusts_lp_unescape_key(text, plain);
	check(len == strlen("a,b c=d\"e\\\\f\\n\\") &&
		  memcmp(plain, "a,b c=d\"e\\\\f\\n\\", len) == 0, "field key");
	len = rusts_lp_unescape_tag(text, plain);
	check(len == strlen("a,b c=d\\\"e\\\\f\\n\\") &&
		  memcmp(plain, "a,b c=d\\\"e\\\\f\\n\\", len) == 0, "tag");
	len = rusts_lp_unescape_string(text, plain);
	check(len == strlen("a\\,b\\ c\\=d\"e\\f\\n\\") &&
		  memcmp(plain, "a\\,b\\ c\\=d\"e\\f\\n\\", len) == 0, "string");
	text.escaped = false;
	check(rusts_lp_unescape_string(text, plain) == text.len &&
		  memcmp(plain, raw, text.len) == 0, "nothing escaped");
}

/*----------
 * Large things
 *----------
 */

static void
test_many_fields(void)
{
	Buffer		text = {NULL, 0, 0};
	RustsLpParser parser;
	RustsLpPoint point;
	char		field[64];
	bool		ok;
	uint32		i;
	int			line;

	for (line = 0; line < 3; line++)
	{
		append_string(&text, "m,t=v ");
		for (i = 0; i < 2000; i++)
		{
			snprintf(field, sizeof(field), "%sfield_%u=%ui",
					 i == 0 ? "" : ",", i, i * (line + 1));
			append_string(&text, field);
		}
		append_string(&text, " 12345\n");
	}
	rusts_lp_begin(&parser, text.data, text.len, 1, test_realloc);
	for (line = 0; line < 3; line++)
	{
		ok = rusts_lp_next(&parser, &point) == RUSTS_LP_POINT &&
			point.nfields == 2000 && point.time == 12345 &&
			point.nsame == (line == 0 ? 0 : 2000);
		for (i = 0; ok && i < 2000; i++)
		{
			snprintf(field, sizeof(field), "field_%u", i);
			ok = point.fields[i].key.len == strlen(field) &&
				memcmp(point.fields[i].key.data, field, strlen(field)) == 0 &&
				point.fields[i].value.i == i * (line + 1);
		}
		check(ok, "2,000 fields");
	}
	free(parser.fields);
	check(ways_agree(text.data, text.len, 1), "2,000 fields in all ways");

	/* memory that is short and comes back */
	for (i = 0; i < 4; i++)
	{
		RustsLpResult result;

		rusts_lp_begin(&parser, text.data, text.len, 1, test_realloc);
		realloc_budget = (int) i;
		result = rusts_lp_next(&parser, &point);
		realloc_budget = -1;
		check(result == RUSTS_LP_NO_MEMORY, "no memory");
		ok = rusts_lp_next(&parser, &point) == RUSTS_LP_POINT &&
			point.nfields == 2000 && point.lineno == 1;
		check(ok, "memory again");
		free(parser.fields);
	}
	free(text.data);
}

static void
test_field_limit(void)
{
	uint32		nfields = RUSTS_LP_MAX_FIELDS + 1;
	char	   *data = malloc(2 + nfields * 4);
	RustsLpParser parser;
	RustsLpPoint point;
	uint32		i;

	memcpy(data, "m ", 2);
	for (i = 0; i < nfields; i++)
		memcpy(data + 2 + i * 4, "f=t,", 4);
	rusts_lp_begin(&parser, data, 1 + nfields * 4, 1, test_realloc);
	check(rusts_lp_next(&parser, &point) == RUSTS_LP_BAD_LINE &&
		  strcmp(parser.error, "too many fields") == 0, "too many fields");
	free(parser.fields);
	rusts_lp_begin(&parser, data, 1 + (nfields - 1) * 4, 1, test_realloc);
	check(rusts_lp_next(&parser, &point) == RUSTS_LP_POINT &&
		  point.nfields == RUSTS_LP_MAX_FIELDS, "as many fields as may be");
	free(parser.fields);
	free(data);
}

/*
 * A line of 100 MB is a line like others, in time linear in its length.
 */
static void
test_long_lines(void)
{
	size_t		size = 100000000;
	char	   *data = malloc(size + 200);
	RustsLpParser parser;
	RustsLpPoint point;
	size_t		way;

	for (way = 0; way < lengthof(ways); way++)
	{
		memcpy(data, "m f=\"", 5);
		memset(data + 5, 'x', size);
		memcpy(data + 5 + size, "\" 12\n", 5);
		memset(data + 10 + size, '\n', 100);
		rusts_lp_begin(&parser, data, size + 110, 1, test_realloc);
		check(ways[way] (&parser, &point) == RUSTS_LP_POINT &&
			  point.fields[0].value.s.len == size && point.time == 12 &&
			  ways[way] (&parser, &point) == RUSTS_LP_END,
			  "a string of 100 MB");
		free(parser.fields);

		memcpy(data, "m f=1", 5);
		memset(data + 5, '0', size);
		memcpy(data + 5 + size, " 123\n", 5);
		rusts_lp_begin(&parser, data, size + 10, 1, test_realloc);
		check(ways[way] (&parser, &point) == RUSTS_LP_BAD_LINE &&
			  strcmp(parser.error, "number out of range") == 0 &&
			  ways[way] (&parser, &point) == RUSTS_LP_END,
			  "a number of 100 million digits");
		free(parser.fields);

		memset(data, 'x', size);
		rusts_lp_begin(&parser, data, size, 1, test_realloc);
		check(ways[way] (&parser, &point) == RUSTS_LP_BAD_LINE &&
			  ways[way] (&parser, &point) == RUSTS_LP_END,
			  "100 MB of nothing");
		free(parser.fields);

		memcpy(data + size - 8, "\nm f=1 1", 8);
		rusts_lp_begin(&parser, data, size, 1, test_realloc);
		check(ways[way] (&parser, &point) == RUSTS_LP_BAD_LINE &&
			  parser.linelen == size - 8 &&
			  ways[way] (&parser, &point) == RUSTS_LP_POINT &&
			  point.lineno == 2, "100 MB of nothing, then a point");
		free(parser.fields);
	}
	free(data);
}

static void
test_key_length(void)
{
	static const uint32 lengths[] = {
		4000, 4095, 4096, 4097, 59990, 60000, 60010, 65000, 65525, 65526,
		65527, 65528, 65529, 65530, 65531, 65535, 65536, 70000
	};
	char	   *data = malloc(400000);
	size_t		i;

	for (i = 0; i < lengthof(lengths); i++)
	{
		RustsLpParser parser;
		RustsLpPoint point;
		uint32		n = lengths[i];
		char	   *p = data;
		RustsLpResult wanted;

		/* a key of n bytes with a field key of 5, then the other way round */
		memset(p, 'k', n);
		p += n;
		p += sprintf(p, " value=1i 1\nm,t=v ");
		memset(p, 'f', n);
		p += n;
		p += sprintf(p, "=1i 1\n%100s\n", "");
		rusts_lp_begin(&parser, data, p - data, 1, test_realloc);
		wanted = n + 9 > RUSTS_LP_MAX_KEY ? RUSTS_LP_BAD_LINE : RUSTS_LP_POINT;
		check(rusts_lp_next(&parser, &point) == wanted &&
			  rusts_lp_next(&parser, &point) == wanted &&
			  rusts_lp_next(&parser, &point) == RUSTS_LP_END, "a long key");
		free(parser.fields);
		check(copies_agree(data, p - data, 1), "a long key in all ways");
	}
	free(data);
}

int
main(void)
{
	test_line_numbers();
	test_bad_lines();
	test_series();
	test_unescape();
	test_many_fields();
	test_field_limit();
	test_key_length();
	test_long_lines();
	printf("%d passed, %d failed\n", npassed, nfailed);
	return nfailed > 0 ? 1 : 0;
}
