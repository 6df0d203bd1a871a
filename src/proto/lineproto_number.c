/*-------------------------------------------------------------------------
 *
 * lineproto_number.c
 *	  Numbers and booleans of line protocol.
 *
 * Every decimal becomes the double nearest to it (ties to even), as strtod
 * and Go's ParseFloat give it, by the cheapest of three ways that is exact:
 *
 *		- mantissa at most 2^53, power of ten at most 10^22: both are doubles,
 *		  so one multiplication or division rounds correctly (Clinger, "How to
 *		  read floating point numbers accurately", PLDI 1990);
 *		- mantissa below 10^19, power of ten from 10^-19 to 10^19: the product
 *		  or the quotient in 128-bit integers, rounded once by hand.  This
 *		  takes nearly all shortest decimals of arbitrary doubles;
 *		- else strtod, on the digits written as an integer with an exponent.
 *		  There is no decimal point in it, so LC_NUMERIC does not matter.
 *
 * An infinite result is an error, as it is for InfluxDB.
 *
 * src/proto/lineproto_number.c
 *
 *-------------------------------------------------------------------------
 */
#ifndef FRONTEND
#include "postgres.h"
#else
#include "postgres_fe.h"
#endif

#include <math.h>

#include "proto/lineproto_number.h"

/*
 * A double halfway between two others has fewer than 800 digits, so further
 * ones matter only by not being all zero.
 */
#define MAX_DIGITS	800

/* Beyond this any exponent gives zero or infinity, whatever the mantissa. */
#define MAX_EXPONENT	INT64CONST(1000000000000)

/* A decimal as it was read: digits are those from first to last, no sign. */
typedef struct Decimal
{
	const char *first;			/* first digit or point */
	const char *last;			/* behind the last one */
	bool		negative;
	uint64		mantissa;		/* of the first 19 digits but leading zeros */
	uint64		ndigits;		/* all digits but leading zeros */
	int64		exponent;		/* value is all digits * 10^exponent */
} Decimal;

static const char *scan_exponent(const char *p, const char *end,
								 int64 *exponent);
static const char *scan_mantissa(const char *p, const char *end,
								 Decimal *decimal, bool *any);
static bool decimal_value(const Decimal *decimal, double *value);
static bool exact_in_128(uint64 mantissa, int exponent, double *value);
static inline double power_of_2(int n);
static double decimal_strtod(const Decimal *decimal);

const uint64 rusts_lp_power10[20] = {
	UINT64CONST(1),
	UINT64CONST(10),
	UINT64CONST(100),
	UINT64CONST(1000),
	UINT64CONST(10000),
	UINT64CONST(100000),
	UINT64CONST(1000000),
	UINT64CONST(10000000),
	UINT64CONST(100000000),
	UINT64CONST(1000000000),
	UINT64CONST(10000000000),
	UINT64CONST(100000000000),
	UINT64CONST(1000000000000),
	UINT64CONST(10000000000000),
	UINT64CONST(100000000000000),
	UINT64CONST(1000000000000000),
	UINT64CONST(10000000000000000),
	UINT64CONST(100000000000000000),
	UINT64CONST(1000000000000000000),
	UINT64CONST(10000000000000000000)
};

static const double exact_power10[23] = {
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13,
	1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22
};

const char *
rusts_lp_scan_number(const char *p, const char *end, RustsLpField *field,
					 const char **error)
{
	Decimal		decimal;
	bool		digits;
	bool		fits;
	const char *behind;

	*error = "invalid number";
	decimal.negative = p < end && *p == '-';
	if (decimal.negative)
		p++;
	p = scan_mantissa(p, end, &decimal, &digits);
	if (!digits)
		return NULL;

	if (p < end && (*p == 'i' || *p == 'u'))
	{
		if (memchr(decimal.first, '.', p - decimal.first) != NULL)
			return NULL;
		*error = "integer out of range";
		fits = decimal.ndigits <= 19;
		if (decimal.ndigits == 20)
		{
			uint64		tail = p[-1] - '0';

			fits = decimal.mantissa <= (PG_UINT64_MAX - tail) / 10;
			decimal.mantissa = decimal.mantissa * 10 + tail;
		}
		if (*p == 'u')
		{
			if (decimal.negative)
				*error = "invalid number";
			if (decimal.negative || !fits)
				return NULL;
			field->type = RUSTS_LP_UINT;
			field->value.u = decimal.mantissa;
		}
		else
		{
			if (!fits ||
				decimal.mantissa > (uint64) PG_INT64_MAX + decimal.negative)
				return NULL;
			field->type = RUSTS_LP_INT;
			field->value.i = (int64) (decimal.negative ?
									  0 - decimal.mantissa : decimal.mantissa);
		}
		return p + 1;
	}

	behind = scan_exponent(p, end, &decimal.exponent);
	if (behind == NULL)
		return NULL;
	*error = "number out of range";
	if (!decimal_value(&decimal, &field->value.f))
		return NULL;
	field->type = RUSTS_LP_FLOAT;
	return behind;
}

const char *
rusts_lp_scan_bool(const char *p, const char *end, RustsLpField *field,
				   const char **error)
{
	static const char *const words[] = {
		"true", "True", "TRUE", "false", "False", "FALSE"
	};
	size_t		i;

	field->type = RUSTS_LP_BOOL;
	for (i = 0; i < lengthof(words); i++)
	{
		size_t		len = strlen(words[i]);

		if ((size_t) (end - p) >= len && memcmp(p, words[i], len) == 0)
		{
			field->value.b = i < 3;
			return p + len;
		}
	}
	if (p < end && (*p == 't' || *p == 'T' || *p == 'f' || *p == 'F'))
	{
		field->value.b = *p == 't' || *p == 'T';
		return p + 1;
	}
	*error = "invalid boolean";
	return NULL;
}

/*
 * Read digits and at most one point.  *any tells whether there were digits.
 */
static const char *
scan_mantissa(const char *p, const char *end, Decimal *decimal, bool *any)
{
	const char *point = NULL;

	decimal->first = p;
	decimal->mantissa = 0;
	decimal->ndigits = 0;
	for (; p < end; p++)
	{
		if (*p == '.' && point == NULL)
		{
			point = p;
			continue;
		}
		if (*p < '0' || *p > '9')
			break;
		if (decimal->ndigits == 0 && *p == '0')
			continue;
		if (decimal->ndigits <= 11 && end - p >= 8)
		{
			uint64		word = rusts_lp_get_digits(p);
			uint32		n = rusts_lp_count_digits(word);

			decimal->mantissa = decimal->mantissa * rusts_lp_power10[n] +
				rusts_lp_digits_value(word, n);
			decimal->ndigits += n;
			p += n - 1;
			continue;
		}
		if (decimal->ndigits < 19)
			decimal->mantissa = decimal->mantissa * 10 + (*p - '0');
		decimal->ndigits++;
	}
	decimal->last = p;
	decimal->exponent = point == NULL ? 0 : -(int64) (p - point - 1);
	*any = p - decimal->first > (point != NULL);
	return p;
}

/*
 * Read an exponent, if one is there, and add it to *exponent; NULL when it
 * has no digits.
 */
static const char *
scan_exponent(const char *p, const char *end, int64 *exponent)
{
	int64		value = 0;
	bool		negative = false;
	const char *first;

	if (p >= end || (*p != 'e' && *p != 'E'))
		return p;
	p++;
	if (p < end && (*p == '+' || *p == '-'))
		negative = *p++ == '-';
	for (first = p; p < end && *p >= '0' && *p <= '9'; p++)
		value = Min(value * 10 + (*p - '0'), MAX_EXPONENT);
	if (p == first)
		return NULL;
	*exponent += negative ? -value : value;
	return p;
}

/*
 * The nearest double; false when that is infinite.
 */
static bool
decimal_value(const Decimal *decimal, double *value)
{
	int64		exponent = decimal->exponent;
	double		magnitude;

	if (decimal->ndigits == 0)
		magnitude = 0;
#ifdef RUSTS_LP_EXACT_DOUBLE
	else if (decimal->ndigits <= 19 &&
			 decimal->mantissa <= UINT64CONST(1) << 53 &&
			 exponent >= -22 && exponent <= 22)
	{
		magnitude = (double) decimal->mantissa;
		if (exponent < 0)
			magnitude /= exact_power10[-exponent];
		else
			magnitude *= exact_power10[exponent];
	}
#endif
	else if (decimal->ndigits > 19 || exponent < -19 || exponent > 19 ||
			 !exact_in_128(decimal->mantissa, (int) exponent, &magnitude))
		magnitude = decimal_strtod(decimal);

	*value = decimal->negative ? -magnitude : magnitude;
	return !isinf(magnitude);
}

/*
 * mantissa * 10^exponent for mantissa > 0 and exponent from -19 to 19; false
 * where the compiler has no 128-bit integers.
 */
static bool
exact_in_128(uint64 mantissa, int exponent, double *value)
{
#ifdef HAVE_INT128
	uint128		number;
	uint64		top;
	bool		sticky;
	int			shift;
	int			scale;

	if (exponent >= 0)
	{
		number = (uint128) mantissa * rusts_lp_power10[exponent];
		sticky = false;
		scale = 0;
	}
	else
	{
		uint64		divisor = rusts_lp_power10[-exponent];
		uint128		dividend = (uint128) mantissa << 64;

		/*
		 * Shifted to the top of 128 bits, the dividend is at least 2^127 and
		 * the divisor below 2^64: the quotient has 64 bits or more, well
		 * above the 53 and the rounding bit.
		 */
		scale = __builtin_clzll(mantissa);
		dividend <<= scale;
		number = dividend / divisor;
		sticky = number * divisor != dividend;
		scale = -64 - scale;
	}

	/* cut to the 54 bits at the top, the lowest of them for rounding */
	if (number >> 64 != 0)
		shift = 128 - __builtin_clzll((uint64) (number >> 64)) - 54;
	else
		shift = 64 - __builtin_clzll((uint64) number) - 54;
	if (shift > 0)
	{
		top = (uint64) (number >> shift);
		sticky |= (uint128) top << shift != number;
	}
	else
	{
		top = (uint64) number << -shift;
	}
	if ((top & 1) != 0 && (sticky || (top & 2) != 0))
		top += 2;
	*value = (double) (top >> 1) * power_of_2(shift + scale + 1);
	return true;
#else
	return false;
#endif
}

/* 2^n for n from -1022 to 1023. */
static inline double
power_of_2(int n)
{
	uint64		bits = (uint64) (1023 + n) << 52;
	double		power;

	memcpy(&power, &bits, sizeof(power));
	return power;
}

static double
decimal_strtod(const Decimal *decimal)
{
	char		text[MAX_DIGITS + 32];
	int			ndigits = 0;
	uint64		dropped = 0;
	bool		nonzero = false;
	int64		exponent;
	const char *p;

	for (p = decimal->first; p < decimal->last; p++)
	{
		if (*p == '.' || (ndigits == 0 && *p == '0'))
			continue;
		if (ndigits < MAX_DIGITS)
			text[ndigits++] = *p;
		else
		{
			dropped++;
			nonzero |= *p != '0';
		}
	}

	/* a last digit that stands for all those that were dropped */
	if (nonzero)
	{
		text[ndigits++] = '1';
		dropped--;
	}
	exponent = decimal->exponent + (int64) dropped;
	exponent = Max(Min(exponent, 99999), -99999);
	snprintf(text + ndigits, sizeof(text) - ndigits, "e%d", (int) exponent);
	return strtod(text, NULL);
}
