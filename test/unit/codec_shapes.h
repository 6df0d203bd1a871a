/*-------------------------------------------------------------------------
 *
 * codec_shapes.h
 *	  Data of many shapes for test_codec.c.
 *
 * test/unit/codec_shapes.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_CODEC_SHAPES_H
#define RUSTS_CODEC_SHAPES_H

#include "codec_harness.h"

/* A shape: how one row's value comes about.  state is 0 before row 0. */
typedef int64 (*IntShape) (uint32 row, int64 *state);
typedef double (*FloatShape) (uint32 row, double *state);

static int64
int_constant(uint32 row, int64 *state)
{
	(void) row;
	(void) state;
	return -42;
}

static int64
int_extremes(uint32 row, int64 *state)
{
	(void) state;
	return row % 2 == 0 ? PG_INT64_MIN : PG_INT64_MAX;
}

static int64
int_random(uint32 row, int64 *state)
{
	(void) row;
	(void) state;
	return (int64) random_word();
}

static int64
int_random_widths(uint32 row, int64 *state)
{
	(void) row;
	(void) state;
	return (int64) random_word() >> random_below(64);
}

static int64
int_regular_time(uint32 row, int64 *state)
{
	(void) state;
	return INT64CONST(504921600000000) + row * INT64CONST(10000000);
}

static int64
int_jittered_time(uint32 row, int64 *state)
{
	(void) state;
	return INT64CONST(504921600000000) + row * INT64CONST(10000000) +
		random_below(1000);
}

static int64
int_time_with_gaps(uint32 row, int64 *state)
{
	(void) row;
	*state += random_below(50) == 0 ? INT64CONST(86400000000) : 10000000;
	return *state;
}

static int64
int_narrow_walk(uint32 row, int64 *state)
{
	(void) row;
	*state += (int64) lrint(random_normal());
	return *state;
}

static int64
int_wide_walk(uint32 row, int64 *state)
{
	(void) row;
	*state += (int64) lrint(random_normal() * 100);
	return *state;
}

static int64
int_walk_with_resets(uint32 row, int64 *state)
{
	(void) row;
	*state = random_below(200) == 0 ? 0 : *state + random_below(1000);
	return *state;
}

static int64
int_quadratic(uint32 row, int64 *state)
{
	(void) state;
	return (int64) row * row * 7 - 3000 * (int64) row;
}

static int64
int_few_values(uint32 row, int64 *state)
{
	(void) row;
	(void) state;
	return (int64) random_below(3) * 1000000007;
}

static int64
int_long_runs(uint32 row, int64 *state)
{
	(void) row;
	if (random_below(40) == 0)
		*state = (int64) random_word();
	return *state;
}

static int64
int_steps(uint32 row, int64 *state)
{
	(void) row;
	if (random_below(100) == 0)
		*state += random_below(5);
	return *state;
}

static int64
int_outliers(uint32 row, int64 *state)
{
	(void) row;
	(void) state;
	return random_below(100) == 0 ? (int64) random_word() :
		(int64) random_below(100);
}

static int64
int_periodic(uint32 row, int64 *state)
{
	(void) state;
	return (int64) (((row % 60) * UINT64CONST(0x9E3779B97F4A7C15)) >> 30);
}

static int64
int_coarse(uint32 row, int64 *state)
{
	(void) row;
	*state += (int64) lrint(random_normal() * 200);
	return *state * 100000 + 52940 + random_below(20);
}

static int64
int_wrapping(uint32 row, int64 *state)
{
	(void) row;
	*state = (int64) ((uint64) *state + UINT64CONST(0x7000000000000001));
	return *state;
}

static int64
int_exponential(uint32 row, int64 *state)
{
	(void) row;
	(void) state;
	return __builtin_ctzll(random_word() | UINT64CONST(1) << 60);
}

static double
from_pattern(uint64 pattern)
{
	double		value;

	memcpy(&value, &pattern, sizeof(value));
	return value;
}

static double
float_random_patterns(uint32 row, double *state)
{
	(void) row;
	(void) state;
	return from_pattern(random_word());
}

static double
float_nans(uint32 row, double *state)
{
	(void) row;
	(void) state;
	return from_pattern(UINT64CONST(0x7FF0000000000001) |
						(random_word() & UINT64CONST(0x800FFFFFFFFFFFFF)));
}

static double
float_special(uint32 row, double *state)
{
	static const uint64 patterns[] = {
		0,						/* 0 */
		UINT64CONST(0x8000000000000000),	/* -0 */
		UINT64CONST(0x7FF0000000000000),	/* infinity */
		UINT64CONST(0xFFF0000000000000),
		UINT64CONST(0x7FF8000000000000),	/* NaN */
		UINT64CONST(0xFFF8000000000000),
		UINT64CONST(0x7FF0000000000001),	/* signalling */
		1,						/* the smallest denormal */
		UINT64CONST(0x800FFFFFFFFFFFFF),
		UINT64CONST(0x7FEFFFFFFFFFFFFF),	/* the largest */
		UINT64CONST(0x3FF0000000000000) /* 1 */
	};

	(void) state;
	return from_pattern(patterns[row < lengthof(patterns) ? row :
								 random_below(lengthof(patterns))]);
}

static double
float_zeros(uint32 row, double *state)
{
	(void) row;
	(void) state;
	return random_below(2) == 0 ? 0.0 : -0.0;
}

static double
float_denormals(uint32 row, double *state)
{
	(void) row;
	(void) state;
	return from_pattern(random_word() >> (12 + random_below(40)));
}

static double
float_cents(uint32 row, double *state)
{
	(void) row;
	*state += rint(random_normal() * 100);
	return *state / 100;
}

static double
float_cents_with_nan(uint32 row, double *state)
{
	(void) row;
	*state += rint(random_normal() * 100);
	if (random_below(20) == 0)
		return from_pattern(UINT64CONST(0x7FF8000000000000));
	return *state / 100;
}

static double
float_integers(uint32 row, double *state)
{
	(void) row;
	(void) state;
	return random_below(1000);
}

static double
float_large_integers(uint32 row, double *state)
{
	(void) row;
	(void) state;
	return (double) ((int64) random_word() >> random_below(20));
}

static double
float_full_walk(uint32 row, double *state)
{
	(void) row;
	*state += random_normal();
	return *state;
}

static double
float_single_precision(uint32 row, double *state)
{
	(void) row;
	*state += random_normal();
	return (float) *state;
}

static double
float_negative(uint32 row, double *state)
{
	(void) row;
	(void) state;
	return -1 / (2 + random_normal() / 10);
}

static double
float_thirds(uint32 row, double *state)
{
	(void) row;
	(void) state;
	return random_below(100) / 3.0;
}

static double
float_mixed_digits(uint32 row, double *state)
{
	static const double powers[] = {1, 10, 100, 1e3, 1e6, 1e9, 1e15};

	(void) row;
	(void) state;
	return random_below(1000000) / powers[random_below(lengthof(powers))];
}

static double
float_constant(uint32 row, double *state)
{
	(void) row;
	(void) state;
	return 64.5;
}

static double
float_constant_pi(uint32 row, double *state)
{
	(void) row;
	(void) state;
	return 3.14159265358979311600;
}

/* Strings: from a word of text by number, how many different, how long. */
typedef struct StringShape
{
	uint32		ndistinct;
	uint32		length;			/* at most */
	bool		text;			/* else random bytes, zeros too */
} StringShape;

typedef struct Shape
{
	const char *name;
	RustsKind	kind;
	IntShape	int_shape;
	FloatShape	float_shape;
	uint32		bool_every;		/* true one row in so many; 0 never */
	StringShape string_shape;
} Shape;

#define INT_SHAPE(name)		{#name, RUSTS_KIND_INT, name, NULL, 0, {0, 0, 0}}
#define FLOAT_SHAPE(name)	{#name, RUSTS_KIND_FLOAT, NULL, name, 0, {0, 0, 0}}
#define BOOL_SHAPE(name, every) \
	{name, RUSTS_KIND_BOOL, NULL, NULL, every, {0, 0, 0}}
#define STRING_SHAPE(name, ndistinct, length, text) \
	{name, RUSTS_KIND_BYTES, NULL, NULL, 0, {ndistinct, length, text}}

static const Shape shapes[] = {
	INT_SHAPE(int_constant),
	INT_SHAPE(int_extremes),
	INT_SHAPE(int_random),
	INT_SHAPE(int_random_widths),
	INT_SHAPE(int_regular_time),
	INT_SHAPE(int_jittered_time),
	INT_SHAPE(int_time_with_gaps),
	INT_SHAPE(int_narrow_walk),
	INT_SHAPE(int_wide_walk),
	INT_SHAPE(int_walk_with_resets),
	INT_SHAPE(int_quadratic),
	INT_SHAPE(int_few_values),
	INT_SHAPE(int_long_runs),
	INT_SHAPE(int_steps),
	INT_SHAPE(int_outliers),
	INT_SHAPE(int_periodic),
	INT_SHAPE(int_coarse),
	INT_SHAPE(int_wrapping),
	INT_SHAPE(int_exponential),
	FLOAT_SHAPE(float_random_patterns),
	FLOAT_SHAPE(float_nans),
	FLOAT_SHAPE(float_special),
	FLOAT_SHAPE(float_zeros),
	FLOAT_SHAPE(float_denormals),
	FLOAT_SHAPE(float_cents),
	FLOAT_SHAPE(float_cents_with_nan),
	FLOAT_SHAPE(float_integers),
	FLOAT_SHAPE(float_large_integers),
	FLOAT_SHAPE(float_full_walk),
	FLOAT_SHAPE(float_single_precision),
	FLOAT_SHAPE(float_negative),
	FLOAT_SHAPE(float_thirds),
	FLOAT_SHAPE(float_mixed_digits),
	FLOAT_SHAPE(float_constant),
	FLOAT_SHAPE(float_constant_pi),
	BOOL_SHAPE("bool_false", 0),
	BOOL_SHAPE("bool_true", 1),
	BOOL_SHAPE("bool_half", 2),
	BOOL_SHAPE("bool_rare", 90),
	STRING_SHAPE("string_empty", 1, 0, true),
	STRING_SHAPE("string_one", 1, 12, true),
	STRING_SHAPE("string_one_long", 1, 1000, true),
	STRING_SHAPE("string_tags", 20, 12, true),
	STRING_SHAPE("string_bytes", 100, 9, false),
	STRING_SHAPE("string_messages", 5000, 60, true),
	STRING_SHAPE("string_noise", 1000000, 30, false),
	STRING_SHAPE("string_long", 3, 1000, true)
};

/* String number number: the same bytes whenever it is asked for. */
static uint32
fill_string(const StringShape *shape, uint64 number, char *data)
{
	uint64		saved_state = random_state;
	uint32		length;
	uint32		i;

	random_state = number * 7919 + 1;
	length = shape->length == 0 ? 0 :
		shape->length / 2 + random_below(shape->length / 2 + 1);
	for (i = 0; i < length; i++)
		data[i] = shape->text ? "etaoin shrdlu, 0123456789"[random_below(25)] :
			(char) random_word();
	random_state = saved_state;
	return length;
}

/* Make the column of this shape. */
static void
make_shape(size_t number, uint32 nrows)
{
	const Shape *shape = &shapes[number];
	int64		int_state = 0;
	double		float_state = 0;
	char	   *text;
	uint32		row;

	random_state = number * 1000003 + nrows;
	begin_column(shape->name, shape->kind, nrows);
	if (shape->kind == RUSTS_KIND_BYTES)
		column.text = malloc((size_t) nrows * shape->string_shape.length + 1);
	text = column.text;
	for (row = 0; row < nrows; row++)
	{
		switch (shape->kind)
		{
			case RUSTS_KIND_INT:
				column.ints[row] = shape->int_shape(row, &int_state);
				break;
			case RUSTS_KIND_FLOAT:
				column.floats[row] = shape->float_shape(row, &float_state);
				break;
			case RUSTS_KIND_BOOL:
				column.bools[row] = shape->bool_every > 0 &&
					random_below(shape->bool_every) == 0;
				break;
			case RUSTS_KIND_BYTES:
				column.bytes[row].data = text;
				column.bytes[row].len =
					fill_string(&shape->string_shape,
								random_below(shape->string_shape.ndistinct),
								text);
				text += column.bytes[row].len;
				break;
		}
	}
}

#endif							/* RUSTS_CODEC_SHAPES_H */
