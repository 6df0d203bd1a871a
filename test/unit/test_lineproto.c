/*-------------------------------------------------------------------------
 *
 * test_lineproto.c
 *	  InfluxDB's answers to whole batches, and broken input.
 *
 * usage: test_lineproto [data directory]
 *
 * test/unit/test_lineproto.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres_fe.h"

#include "lineproto_ways.h"

/*----------
 * InfluxDB's answers, see make_cases.py for the file.
 *----------
 */

/* What a case expects, as lines of the file. */
static Buffer expected;
static Buffer found;
static char failing_id[32];

/* A text as the file has it. */
static void
append_text(Buffer *buffer, const char *data, size_t len)
{
	size_t		i;
	size_t		run;
	char		text[32];

	if (len == 0)
		append_string(buffer, "\\-");
	for (i = 0; i < len; i += run)
	{
		uint8		c = (uint8) data[i];
		size_t		copies = 1;

		for (run = 1; i + run < len && data[i + run] == data[i]; run++)
			;
		if (run > 8)
		{
			snprintf(text, sizeof(text), "\\*%zu:", run);
			append_string(buffer, text);
		}
		else
			copies = run;
		if (c <= ' ' || c >= 0x7f || c == '\\')
			snprintf(text, sizeof(text), "\\%02x", c);
		else
			snprintf(text, sizeof(text), "%c", c);
		while (copies-- > 0)
			append_string(buffer, text);
	}
}

/* The bytes of a text of the file. */
static void
append_decoded(Buffer *buffer, const char *p)
{
	while (*p != '\0')
	{
		unsigned	c;
		unsigned long copies = 1;
		int			used = 1;

		if (strncmp(p, "\\-", 2) == 0)
			return;
		if (strncmp(p, "\\*", 2) == 0)
		{
			copies = strtoul(p + 2, (char **) &p, 10);
			p++;
		}
		c = (uint8) *p;
		if (*p == '\\')
		{
			sscanf(p + 1, "%2x", &c);
			used = 3;
		}
		while (copies-- > 0)
		{
			char		byte = (char) c;

			append(buffer, &byte, 1);
		}
		p += used;
	}
}

static int
compare_tags(const void *a, const void *b)
{
	static char x[RUSTS_LP_MAX_KEY];
	static char y[RUSTS_LP_MAX_KEY];
	uint32		xlen = rusts_lp_unescape_tag(((const RustsLpTag *) a)->key, x);
	uint32		ylen = rusts_lp_unescape_tag(((const RustsLpTag *) b)->key, y);
	int			cmp = memcmp(x, y, Min(xlen, ylen));

	return cmp != 0 ? cmp : (xlen > ylen) - (xlen < ylen);
}

static void
append_unescaped(Buffer *buffer, RustsLpText text,
				 uint32 (*unescape_fn) (RustsLpText, char *))
{
	char	   *plain = malloc(text.len + 1);

	append_string(buffer, " ");
	append_text(buffer, plain, unescape_fn(text, plain));
	free(plain);
}

/*
 * Of several fields with one key the last counts, in the place of the first.
 */
static const RustsLpField *
last_of_key(const RustsLpPoint *point, uint32 i)
{
	const RustsLpField *last = NULL;
	uint32		j;

	for (j = 0; j < point->nfields; j++)
	{
		if (!same_text(point->fields[j].key, point->fields[i].key))
			continue;
		if (j < i)
			return NULL;
		last = &point->fields[j];
	}
	return last;
}

/* Append a point as the file has it; false if its series is bad. */
static bool
append_point(Buffer *buffer, const RustsLpPoint *point)
{
	static RustsLpTag tags[MAX_TAGS];
	RustsLpText measurement;
	uint32		ntags;
	uint32		i;
	char		text[64];

	if (rusts_lp_parse_series(point->series_key, &measurement, tags, MAX_TAGS,
							  &ntags) != NULL)
		return false;
	if (point->has_time)
		snprintf(text, sizeof(text), "p %lld\n", (long long) point->time);
	else
		snprintf(text, sizeof(text), "p -\n");
	append_string(buffer, text);
	append_string(buffer, "m");
	append_unescaped(buffer, measurement, rusts_lp_unescape_measurement);
	append_string(buffer, "\n");
	qsort(tags, ntags, sizeof(RustsLpTag), compare_tags);
	for (i = 0; i < ntags; i++)
	{
		append_string(buffer, "t");
		append_unescaped(buffer, tags[i].key, rusts_lp_unescape_tag);
		append_unescaped(buffer, tags[i].value, rusts_lp_unescape_tag);
		append_string(buffer, "\n");
	}
	for (i = 0; i < point->nfields; i++)
	{
		const RustsLpField *field = last_of_key(point, i);

		if (field == NULL)
			continue;
		append_string(buffer, "f");
		append_unescaped(buffer, field->key, rusts_lp_unescape_key);
		text[0] = '\0';
		switch (field->type)
		{
			case RUSTS_LP_FLOAT:
				snprintf(text, sizeof(text), " f %016llx",
						 (unsigned long long) field->value.u);
				break;
			case RUSTS_LP_INT:
				snprintf(text, sizeof(text), " i %lld",
						 (long long) field->value.i);
				break;
			case RUSTS_LP_UINT:
				snprintf(text, sizeof(text), " u %llu",
						 (unsigned long long) field->value.u);
				break;
			case RUSTS_LP_BOOL:
				snprintf(text, sizeof(text), " b %d", field->value.b);
				break;
			case RUSTS_LP_STRING:
				append_string(buffer, " s");
				append_unescaped(buffer, field->value.s,
								 rusts_lp_unescape_string);
				break;
		}
		append_string(buffer, text);
		append_string(buffer, "\n");
	}
	return true;
}

/*
 * Does the parser make of the input what is expected?
 */
static bool
case_holds(NextFunction next, const char *data, size_t len, int64 unit)
{
	RustsLpParser parser;
	RustsLpPoint point;
	RustsLpResult result;
	bool		bad = false;

	found.len = 0;
	rusts_lp_begin(&parser, data, len, unit, test_realloc);
	while ((result = next(&parser, &point)) != RUSTS_LP_END)
	{
		if (result == RUSTS_LP_POINT)
			bad |= !append_point(&found, &point);
		else
			bad = true;
	}
	if (bad)
		append_string(&found, "e\n");
	free(parser.fields);
	return found.len == expected.len &&
		(found.len == 0 || memcmp(found.data, expected.data, found.len) == 0);
}

static void
check_case(const char *id, const char *precision, const Buffer *input)
{
	static const char padding[] = "\n# and sixty-four bytes behind it, so "
		"that no way is cut short there\n";
	int64		unit = rusts_lp_precision(precision, strlen(precision));
	char	   *copy = exact_copy(input->data, input->len);
	Buffer		repeated = {NULL, 0, 0};
	char		what[128];
	size_t		i;

	for (i = 0; i < lengthof(ways); i++)
	{
		snprintf(what, sizeof(what), "case %s, way %d", id, (int) i);
		check(case_holds(ways[i], copy, input->len, unit), what);
		if (nfailed > 0 && strcmp(failing_id, id) != 0 && nfailed < 20 &&
			found.len + expected.len < 2000 &&
			(found.len != expected.len ||
			 memcmp(found.data, expected.data, found.len) != 0))
		{
			snprintf(failing_id, sizeof(failing_id), "%s", id);
			printf("input: %.*s\nfound:\n%.*sexpected:\n%.*s",
				   (int) input->len, input->data, (int) found.len, found.data,
				   (int) expected.len, expected.data);
		}
	}
	free(copy);

	/* the short cut is taken only away from the end, and guesses */
	for (i = 0; i < 3; i++)
	{
		append(&repeated, input->data, input->len);
		append_string(&repeated, "\n");
	}
	append_string(&repeated, padding);
	snprintf(what, sizeof(what), "case %s, repeated", id);
	check(copies_agree(repeated.data, repeated.len, unit), what);
	free(repeated.data);
}

/* All inputs of the cases, for mutations. */
static Buffer *inputs;
static size_t ninputs;

static void
test_cases(const char *directory)
{
	char		path[1024];
	char		id[32] = "";
	char		precision[32] = "";
	static char line[1 << 20];
	FILE	   *file;
	Buffer		input = {NULL, 0, 0};

	snprintf(path, sizeof(path), "%s/lineproto/cases.txt", directory);
	file = fopen(path, "r");
	if (file == NULL)
	{
		check(false, "test data can be read");
		return;
	}
	while (fgets(line, sizeof(line), file) != NULL)
	{
		if (line[0] == 'c')
		{
			if (id[0] != '\0')
				check_case(id, precision, &input);
			sscanf(line, "c %31s %31s", id, precision);
			input.len = 0;
			expected.len = 0;
		}
		else if (line[0] == 'i')
		{
			line[strcspn(line, "\n")] = '\0';
			append_decoded(&input, line + 2);
			inputs = realloc(inputs, (ninputs + 1) * sizeof(Buffer));
			inputs[ninputs].len = input.len;
			inputs[ninputs++].data = exact_copy(input.data, input.len);
		}
		else
			append_string(&expected, line);
	}
	check_case(id, precision, &input);
	fclose(file);
	free(input.data);
	check(ninputs > 5000, "there are cases");
}

/*----------
 * Broken input
 *----------
 */

static Buffer
all_samples(int times)
{
	Buffer		buffer = {NULL, 0, 0};
	size_t		i;

	while (times-- > 0)
	{
		for (i = 0; i < lengthof(samples); i++)
			append_string(&buffer, samples[i]);
	}
	return buffer;
}

static void
test_truncations(void)
{
	Buffer		all = all_samples(2);
	RustsLpParser parser;
	RustsLpPoint point;
	size_t		npoints = 0;
	size_t		nshort = 0;
	size_t		nbad = 0;
	size_t		i;

	rusts_lp_begin(&parser, all.data, all.len, 1, test_realloc);
	for (;;)
	{
		RustsLpResult result = RUSTS_LP_POINT;

		/* as rusts_lp_next does, which is in lineproto_ways.h, too */
		if (next_simple(&parser, &point))
			nshort++;
		else
			result = rusts_lp_next_careful(&parser, &point);
		if (result == RUSTS_LP_END)
			break;
		npoints += result == RUSTS_LP_POINT;
		nbad += result == RUSTS_LP_BAD_LINE;
	}
	free(parser.fields);
	check(npoints == 2 * (lengthof(samples) - 1) && nbad == 0,
		  "every sample is a point, but for the comment");
	check(nshort >= lengthof(samples) / 2, "the short cut is taken");

	for (i = 0; i <= all.len; i++)
		check(copies_agree(all.data, i, 1), "a truncation");
	free(all.data);
}

static void
mutate(char *data, size_t *len)
{
	static const char bytes[] =
		"\\\\\\\"\"\",,,===   \n\n\r\t.-+eEiu0179#tTfF";
	int			changes = 1 + (int) (next_random() % 4);

	while (changes-- > 0 && *len > 0)
	{
		size_t		at = next_random() % *len;
		size_t		n = 1 + next_random() % 8;

		n = Min(n, *len - at);
		switch (next_random() % 5)
		{
			case 0:
				data[at] = (char) next_random();
				break;
			case 1:
				memmove(data + at, data + at + n, *len - at - n);
				*len -= n;
				break;
			case 2:				/* at most doubles in the room given */
				memmove(data + at + n, data + at, *len - at);
				*len += n;
				break;
			default:
				data[at] = bytes[next_random() % (sizeof(bytes) - 1)];
				break;
		}
	}
}

static void
test_mutations(void)
{
	Buffer		all = all_samples(3);
	size_t		room = 4096;
	char	   *data = malloc(all.len + room);
	bool		ok = true;
	int			round;

	for (round = 0; ok && round < 40000; round++)
	{
		size_t		len;

		if (round % 2 == 0)
		{
			len = all.len;
			memcpy(data, all.data, len);
		}
		else
		{
			int			copies = 3;

			len = 0;
			while (copies-- > 0)
			{
				const Buffer *input = &inputs[next_random() % ninputs];

				if (input->len > 500)
					continue;
				memcpy(data + len, input->data, input->len);
				len += input->len;
				data[len++] = '\n';
			}
			memcpy(data + len, all.data, 600);
			len += 600;
		}
		mutate(data, &len);
		ok = copies_agree(data, len, 1);
		if (!ok)
			printf("mutation %d: %.*s\n", round, (int) len, data);
	}
	check(ok, "mutations");
	free(all.data);
	free(data);
}

int
main(int argc, char **argv)
{
	size_t		i;

	test_cases(argc > 1 ? argv[1] : "test/data");
	test_truncations();
	if (ninputs > 0)
		test_mutations();

	for (i = 0; i < ninputs; i++)
		free(inputs[i].data);
	free(inputs);
	free(expected.data);
	free(found.data);
	printf("%d passed, %d failed\n", npassed, nfailed);
	return nfailed > 0 ? 1 : 0;
}
