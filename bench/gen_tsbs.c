/*-------------------------------------------------------------------------
 *
 * gen_tsbs.c
 *	  Generate the points of the Time Series Benchmark Suite's "cpu-only"
 *	  case, the same ones on every machine.
 *
 * A number of hosts report ten fields each, every few seconds.  A field is a
 * random walk within 0..100 that starts anywhere and steps by N(0,1); all
 * hosts tick together, so points come time-major, host-minor.  The law is
 * that of TSBS; the numbers are not, because the generator here is
 * xoshiro256** with the polar method instead of Go's math/rand.
 *
 * usage: gen_tsbs kind hosts rows line-protocol-file csv-file
 *	kind is "int" (as TSBS prints them), "dec2" (two decimals) or "full"
 *	(shortest form that reads back as the same double); "-" for a file that
 *	is not wanted.
 *
 * bench/gen_tsbs.c
 *
 *-------------------------------------------------------------------------
 */
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NFIELDS			10
#define SEED			123
#define STEP_SECONDS	10
#define FIRST_SECOND	1451606400	/* 2016-01-01, where TSBS begins */
#define lengthof(array) (sizeof(array) / sizeof((array)[0]))

typedef enum Kind
{
	KIND_INT,
	KIND_DEC2,
	KIND_FULL
} Kind;

typedef struct Host
{
	double		fields[NFIELDS];
	char		csv[256];		/* the tags' part of a line */
	char		lp[400];
} Host;

static const struct
{
	const char *name;
	const char *zones;
}			regions[] = {
	{"us-east-1", "abce"},
	{"us-west-1", "ab"},
	{"us-west-2", "abc"},
	{"eu-west-1", "abc"},
	{"eu-central-1", "ab"},
	{"ap-southeast-1", "ab"},
	{"ap-southeast-2", "ab"},
	{"ap-northeast-1", "ac"},
	{"sa-east-1", "abc"}
};
static const char *const oses[] = {
	"Ubuntu16.10", "Ubuntu16.04LTS", "Ubuntu15.10"
};
static const char *const arches[] = {"x64", "x86"};
static const char *const teams[] = {"SF", "NYC", "LON", "CHI"};
static const char *const environments[] = {"production", "staging", "test"};
static const char *const field_names[NFIELDS] = {
	"usage_user", "usage_system", "usage_idle", "usage_nice", "usage_iowait",
	"usage_irq", "usage_softirq", "usage_steal", "usage_guest",
	"usage_guest_nice"
};

static uint64_t state[4];

static void make_host(Host *host, int number);
static void format_value(char *out, size_t size, Kind kind, double value);
static void write_point(FILE *lp, FILE *csv, const Host *host, Kind kind,
						time_t second);
static void seed_random(uint64_t seed);
static uint64_t next_random(void);
static double uniform(void);
static int	uniform_below(int n);
static double normal(void);
static FILE *open_output(const char *name);
static void close_output(FILE *file);

int
main(int argc, char **argv)
{
	Kind		kind;
	int			nhosts;
	long		nrows;
	FILE	   *lp;
	FILE	   *csv;
	Host	   *hosts;
	time_t		second = FIRST_SECOND;

	if (argc != 6)
	{
		fprintf(stderr, "usage: %s int|dec2|full hosts rows lp csv\n",
				argv[0]);
		return 2;
	}
	kind = strcmp(argv[1], "int") == 0 ? KIND_INT :
		strcmp(argv[1], "dec2") == 0 ? KIND_DEC2 : KIND_FULL;
	nhosts = atoi(argv[2]);
	nrows = atol(argv[3]);
	hosts = nhosts > 0 ? malloc(sizeof(Host) * nhosts) : NULL;
	if (hosts == NULL)
		return 1;
	lp = open_output(argv[4]);
	csv = open_output(argv[5]);

	seed_random(SEED);
	for (int i = 0; i < nhosts; i++)
		make_host(&hosts[i], i);
	for (long row = 0; row < nrows; row++)
	{
		if (row > 0 && row % nhosts == 0)
		{
			second += STEP_SECONDS;
			for (int i = 0; i < nhosts; i++)
			{
				for (int f = 0; f < NFIELDS; f++)
				{
					double		value = hosts[i].fields[f] + normal();

					hosts[i].fields[f] =
						value > 100 ? 100 : value < 0 ? 0 : value;
				}
			}
		}
		write_point(lp, csv, &hosts[row % nhosts], kind, second);
	}
	close_output(lp);
	close_output(csv);
	return 0;
}

/* The order of the draws is part of what makes the data the same. */
static void
make_host(Host *host, int number)
{
	const char *region;
	const char *zones;
	char		zone;
	int			rack;
	const char *arch;
	const char *os;
	int			service;
	int			version;
	const char *environment;
	const char *team;
	int			r;

	for (int f = 0; f < NFIELDS; f++)
		host->fields[f] = uniform() * 100;
	r = uniform_below(lengthof(regions));
	region = regions[r].name;
	zones = regions[r].zones;
	zone = zones[uniform_below(strlen(zones))];
	rack = uniform_below(100);
	arch = arches[uniform_below(lengthof(arches))];
	os = oses[uniform_below(lengthof(oses))];
	service = uniform_below(20);
	version = uniform_below(2);
	environment = environments[uniform_below(lengthof(environments))];
	team = teams[uniform_below(lengthof(teams))];

	snprintf(host->csv, sizeof(host->csv),
			 "host_%d,%s,%s%c,%d,%s,%s,%s,%d,%d,%s",
			 number, region, region, zone, rack, os, arch, team, service,
			 version, environment);
	snprintf(host->lp, sizeof(host->lp),
			 "cpu,hostname=host_%d,region=%s,datacenter=%s%c,rack=%d,os=%s,"
			 "arch=%s,team=%s,service=%d,service_version=%d,"
			 "service_environment=%s ",
			 number, region, region, zone, rack, os, arch, team, service,
			 version, environment);
}

static void
write_point(FILE *lp, FILE *csv, const Host *host, Kind kind, time_t second)
{
	char		values[NFIELDS][32];
	char		date[40];
	struct tm	tm;

	for (int f = 0; f < NFIELDS; f++)
		format_value(values[f], sizeof(values[f]), kind, host->fields[f]);
	if (csv != NULL)
	{
		gmtime_r(&second, &tm);
		strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S+00", &tm);
		fprintf(csv, "%s,%s", date, host->csv);
		for (int f = 0; f < NFIELDS; f++)
			fprintf(csv, ",%s", values[f]);
		fputc('\n', csv);
	}
	if (lp != NULL)
	{
		fputs(host->lp, lp);
		for (int f = 0; f < NFIELDS; f++)
			fprintf(lp, "%s%s=%s%s", f > 0 ? "," : "", field_names[f],
					values[f], kind == KIND_INT ? "i" : "");
		fprintf(lp, " %" PRId64 "000000000\n", (int64_t) second);
	}
}

static void
format_value(char *out, size_t size, Kind kind, double value)
{
	if (kind == KIND_INT)
		snprintf(out, size, "%d", (int) value);
	else if (kind == KIND_DEC2)
		snprintf(out, size, "%.2f", value);
	else
	{
		for (int digits = 15; digits <= 17; digits++)
		{
			snprintf(out, size, "%.*g", digits, value);
			if (strtod(out, NULL) == value)
				break;
		}
	}
}

/* splitmix64 fills the state, as the authors of xoshiro advise. */
static void
seed_random(uint64_t seed)
{
	for (int i = 0; i < 4; i++)
	{
		uint64_t	z = (seed += UINT64_C(0x9e3779b97f4a7c15));

		z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
		z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
		state[i] = z ^ (z >> 31);
	}
}

static uint64_t
next_random(void)
{
	uint64_t	x = state[1] * 5;
	uint64_t	result = ((x << 7) | (x >> 57)) * 9;
	uint64_t	t = state[1] << 17;

	state[2] ^= state[0];
	state[3] ^= state[1];
	state[1] ^= state[2];
	state[0] ^= state[3];
	state[2] ^= t;
	state[3] = (state[3] << 45) | (state[3] >> 19);
	return result;
}

static double
uniform(void)
{
	return (next_random() >> 11) / 9007199254740992.0;
}

static int
uniform_below(int n)
{
	return (int) (uniform() * n);
}

/* Marsaglia's polar method gives two at a time. */
static double
normal(void)
{
	static double spare;
	static int	have_spare = 0;
	double		u;
	double		v;
	double		s;

	if (have_spare)
	{
		have_spare = 0;
		return spare;
	}
	do
	{
		u = 2 * uniform() - 1;
		v = 2 * uniform() - 1;
		s = u * u + v * v;
	} while (s >= 1 || s == 0);
	s = sqrt(-2 * log(s) / s);
	spare = v * s;
	have_spare = 1;
	return u * s;
}

/* NULL for "-". */
static FILE *
open_output(const char *name)
{
	FILE	   *file;

	if (strcmp(name, "-") == 0)
		return NULL;
	file = fopen(name, "w");
	if (file == NULL)
	{
		perror(name);
		exit(1);
	}
	setvbuf(file, NULL, _IOFBF, 1 << 20);
	return file;
}

static void
close_output(FILE *file)
{
	if (file != NULL && fclose(file) != 0)
	{
		perror("could not write");
		exit(1);
	}
}
