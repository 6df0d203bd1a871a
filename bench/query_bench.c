/*-------------------------------------------------------------------------
 *
 * query_bench.c
 *	  Time queries on one or several servers, alternating between them.
 *
 * The file of queries has lines "name<TAB>SQL"; successive lines of one name
 * are its instances.  Each instance runs once on each system to warm up, then
 * in rounds, each of them beginning with another system, so that what
 * disturbs the machine disturbs all alike.  A time is that of PQexec, with the
 * whole result fetched as text.  A system that cannot run a query does without
 * it.
 *
 * With -c, that many clients run the queries one after the other on one system
 * after the other, as fast as they can.  Each begins at another one.
 *
 * usage: query_bench [option...] file name=conninfo...
 *	file is "-" for standard input
 *	-r rounds	5 by default
 *	-x sql		run at the start of every connection; may be given again
 *	-p			measure the planning time that EXPLAIN (SUMMARY) tells
 *	-c clients	count queries in a second instead
 *	-s seconds	for so long, 10 by default
 *	-o file		also write the figures there, separated by tabs
 *
 * bench/query_bench.c
 *
 *-------------------------------------------------------------------------
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <libpq-fe.h>

#define MAX_SETUP	16

typedef struct Query
{
	char	   *name;
	char	   *sql;
} Query;

typedef struct System
{
	char	   *name;
	const char *conninfo;
	PGconn	   *conn;
	double	   *times;			/* ms, of the query at hand */
	int			ntimes;
	long		rows;			/* of all its instances */
	bool		failed;
} System;

/* What a client tells when it is done. */
typedef struct Tally
{
	long		queries;
	double		seconds;
} Tally;

static int	rounds = 5;
static int	nclients = 0;
static double seconds = 10;
static bool planning = false;
static const char *setup[MAX_SETUP];
static int	nsetup = 0;
static FILE *output = NULL;

static Query *queries;
static int	nqueries;
static System *systems;
static int	nsystems;

static void take_options(int argc, char **argv);
static void read_queries(const char *name);
static void time_queries(void);
static void time_instance(const Query *query);
static double time_query(System *system, const char *sql);
static double planning_time(const PGresult *res);
static void print_times(System *system, const char *name, int ninstances);
static int	compare_times(const void *a, const void *b);
static void run_clients(const System *system);
static Tally run_client(PGconn *conn, int number);
static void wait_for_end(int fd);
static PGconn *open_connection(const System *system);
static void *allocate(size_t size);
static double now(void);

int
main(int argc, char **argv)
{
	take_options(argc, argv);
	if (nclients > 0)
	{
		printf("%-16s %8s %9s %9s %12s\n", "system", "clients", "seconds",
			   "queries", "queries/s");
		for (int i = 0; i < nsystems; i++)
			run_clients(&systems[i]);
	}
	else
		time_queries();
	if (output != NULL && fclose(output) != 0)
	{
		perror("could not write");
		return 1;
	}
	return 0;
}

static void
take_options(int argc, char **argv)
{
	const char *output_name = NULL;
	int			option;

	while ((option = getopt(argc, argv, "r:x:pc:s:o:")) != -1)
	{
		switch (option)
		{
			case 'r':
				rounds = atoi(optarg);
				break;
			case 'x':
				if (nsetup < MAX_SETUP)
					setup[nsetup++] = optarg;
				break;
			case 'p':
				planning = true;
				break;
			case 'c':
				nclients = atoi(optarg);
				break;
			case 's':
				seconds = atof(optarg);
				break;
			case 'o':
				output_name = optarg;
				break;
			default:
				exit(2);
		}
	}
	if (argc - optind < 2 || rounds < 1)
	{
		fprintf(stderr, "usage: %s [-r rounds] [-x sql] [-p] [-c clients] "
				"[-s seconds] [-o file] file name=conninfo...\n", argv[0]);
		exit(2);
	}
	read_queries(argv[optind++]);
	systems = allocate((argc - optind) * sizeof(System));
	for (; optind < argc; optind++)
	{
		System	   *system = &systems[nsystems++];
		char	   *equals = strchr(argv[optind], '=');

		memset(system, 0, sizeof(System));
		if (equals == NULL)
		{
			fprintf(stderr, "\"%s\" has no name\n", argv[optind]);
			exit(2);
		}
		*equals = '\0';
		system->name = argv[optind];
		system->conninfo = equals + 1;
	}
	if (output_name != NULL && (output = fopen(output_name, "w")) == NULL)
	{
		perror(output_name);
		exit(1);
	}
}

static void
read_queries(const char *name)
{
	FILE	   *file = strcmp(name, "-") == 0 ? stdin : fopen(name, "r");
	char	   *line = NULL;
	size_t		size = 0;

	if (file == NULL)
	{
		perror(name);
		exit(1);
	}
	while (getline(&line, &size, file) > 0)
	{
		char	   *tab = strchr(line, '\t');

		if (tab == NULL)
		{
			fprintf(stderr, "a line of \"%s\" has no tab: %s", name, line);
			exit(1);
		}
		*tab = '\0';
		tab[1 + strcspn(tab + 1, "\n")] = '\0';
		queries = realloc(queries, (nqueries + 1) * sizeof(Query));
		if (queries == NULL)
			exit(1);
		queries[nqueries].name = strdup(line);
		queries[nqueries].sql = strdup(tab + 1);
		nqueries++;
	}
	free(line);
	fclose(file);
	if (nqueries == 0)
	{
		fprintf(stderr, "no queries in \"%s\"\n", name);
		exit(1);
	}
}

static void
time_queries(void)
{
	int			first = 0;

	for (int i = 0; i < nsystems; i++)
	{
		systems[i].conn = open_connection(&systems[i]);
		systems[i].times = allocate((size_t) nqueries * rounds *
									sizeof(double));
	}
	printf("%-24s %-16s %12s %10s %10s %5s %9s\n", "query", "system",
		   "median ms", "min", "max", "inst.", "rows");
	if (output != NULL)
		fprintf(output, "query\tsystem\tmedian_ms\tmin_ms\tmax_ms\t"
				"instances\trows\n");
	while (first < nqueries)
	{
		const char *name = queries[first].name;
		int			end = first;

		for (int i = 0; i < nsystems; i++)
		{
			systems[i].ntimes = 0;
			systems[i].rows = 0;
			systems[i].failed = false;
		}
		for (; end < nqueries && strcmp(queries[end].name, name) == 0; end++)
			time_instance(&queries[end]);
		for (int i = 0; i < nsystems; i++)
			print_times(&systems[i], name, end - first);
		first = end;
	}
	for (int i = 0; i < nsystems; i++)
		PQfinish(systems[i].conn);
}

/* Round 0 is the one to warm up. */
static void
time_instance(const Query *query)
{
	char	   *sql = query->sql;

	if (planning)
	{
		size_t		room = strlen(sql) + 32;

		sql = allocate(room);
		snprintf(sql, room, "EXPLAIN (SUMMARY) %s", query->sql);
	}
	for (int round = 0; round <= rounds; round++)
	{
		for (int i = 0; i < nsystems; i++)
		{
			System	   *system = &systems[(round + i) % nsystems];
			long		rows = system->rows;
			double		ms;

			if (system->failed)
				continue;
			ms = time_query(system, sql);
			if (ms < 0)
			{
				fprintf(stderr, "%s on %s: %s", query->name, system->name,
						PQerrorMessage(system->conn));
				system->failed = true;
			}
			else if (round > 0)
			{
				system->rows = rows;
				system->times[system->ntimes++] = ms;
			}
		}
	}
	if (planning)
		free(sql);
}

/* Milliseconds, or -1 when it failed; adds to the system's rows. */
static double
time_query(System *system, const char *sql)
{
	double		start = now();
	PGresult   *res = PQexec(system->conn, sql);
	double		ms = (now() - start) * 1000;

	if (PQresultStatus(res) != PGRES_TUPLES_OK)
		ms = -1;
	else if (planning)
		ms = planning_time(res);
	system->rows += PQntuples(res);
	PQclear(res);
	return ms;
}

static double
planning_time(const PGresult *res)
{
	static const char label[] = "Planning Time: ";

	for (int i = 0; i < PQntuples(res); i++)
	{
		const char *line = PQgetvalue(res, i, 0);

		if (strncmp(line, label, strlen(label)) == 0)
			return atof(line + strlen(label));
	}
	return -1;
}

static void
print_times(System *system, const char *name, int ninstances)
{
	const double *times = system->times;
	int			n = system->ntimes;
	double		median;

	if (system->failed)
	{
		printf("%-24s %-16s %12s\n", name, system->name, "-");
		if (output != NULL)
			fprintf(output, "%s\t%s\t-\t-\t-\t%d\t-\n", name, system->name,
					ninstances);
		return;
	}
	qsort(system->times, n, sizeof(double), compare_times);
	median = (times[(n - 1) / 2] + times[n / 2]) / 2;
	printf("%-24s %-16s %12.3f %10.3f %10.3f %5d %9ld\n", name, system->name,
		   median, times[0], times[n - 1], ninstances, system->rows);
	fflush(stdout);
	if (output != NULL)
	{
		fprintf(output, "%s\t%s\t%.3f\t%.3f\t%.3f\t%d\t%ld\n", name,
				system->name, median, times[0], times[n - 1], ninstances,
				system->rows);
		fflush(output);
	}
}

static int
compare_times(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return x < y ? -1 : x > y;
}

/*
 * Clients are processes.  They connect, wait until standing in line is over
 * for all, which closing "go" tells, and write their tallies.
 */
static void
run_clients(const System *system)
{
	int			ready[2];
	int			go[2];
	int			tallies[2];
	Tally		sum = {0, 0};
	Tally		tally;
	double		per_second = 0;
	int			nfailed = 0;
	int			status;

	if (pipe(ready) != 0 || pipe(go) != 0 || pipe(tallies) != 0)
	{
		perror("could not create a pipe");
		exit(1);
	}
	fflush(NULL);
	for (int i = 0; i < nclients; i++)
	{
		pid_t		pid = fork();

		if (pid < 0)
		{
			perror("could not fork");
			exit(1);
		}
		if (pid == 0)
		{
			PGconn	   *conn;

			close(go[1]);
			close(ready[0]);
			conn = open_connection(system);
			close(ready[1]);
			wait_for_end(go[0]);
			tally = run_client(conn, i);
			PQfinish(conn);
			_exit(write(tallies[1], &tally, sizeof(tally)) == sizeof(tally) ?
				  0 : 1);
		}
	}
	close(ready[1]);
	close(go[0]);
	close(tallies[1]);
	wait_for_end(ready[0]);
	close(ready[0]);
	close(go[1]);
	while (read(tallies[0], &tally, sizeof(tally)) == sizeof(tally))
	{
		sum.queries += tally.queries;
		sum.seconds += tally.seconds / nclients;
		per_second += tally.queries / tally.seconds;
	}
	close(tallies[0]);
	while (wait(&status) > 0)
		nfailed += status != 0;
	if (nfailed > 0)
	{
		fprintf(stderr, "%d of %d clients failed\n", nfailed, nclients);
		exit(1);
	}
	printf("%-16s %8d %9.2f %9ld %12.1f\n", system->name, nclients,
		   sum.seconds, sum.queries, per_second);
	if (output != NULL)
		fprintf(output, "%s\t%d\t%.3f\t%ld\t%.3f\n", system->name, nclients,
				sum.seconds, sum.queries, per_second);
}

/* Ends the process when a query fails. */
static Tally
run_client(PGconn *conn, int number)
{
	Tally		tally = {0, 0};
	int			next = (int) ((long) number * nqueries / nclients);
	double		start = now();

	do
	{
		PGresult   *res = PQexec(conn, queries[next].sql);

		if (PQresultStatus(res) != PGRES_TUPLES_OK)
		{
			fprintf(stderr, "%s: %s", queries[next].name,
					PQerrorMessage(conn));
			_exit(1);
		}
		PQclear(res);
		next = (next + 1) % nqueries;
		tally.queries++;
		tally.seconds = now() - start;
	} while (tally.seconds < seconds);
	return tally;
}

/* Nothing is ever written to the pipe: the last writer closes it. */
static void
wait_for_end(int fd)
{
	char		byte;

	while (read(fd, &byte, 1) > 0)
		;
}

/* A setting that the system does not know is left out, with a warning. */
static PGconn *
open_connection(const System *system)
{
	PGconn	   *conn = PQconnectdb(system->conninfo);

	if (PQstatus(conn) != CONNECTION_OK)
	{
		fprintf(stderr, "%s: %s", system->name, PQerrorMessage(conn));
		_exit(1);
	}
	for (int i = 0; i < nsetup; i++)
	{
		PGresult   *res = PQexec(conn, setup[i]);

		if (PQresultStatus(res) != PGRES_COMMAND_OK &&
			PQresultStatus(res) != PGRES_TUPLES_OK)
			fprintf(stderr, "%s: %s", system->name, PQerrorMessage(conn));
		PQclear(res);
	}
	return conn;
}

static void *
allocate(size_t size)
{
	void	   *p = malloc(size > 0 ? size : 1);

	if (p == NULL)
	{
		fprintf(stderr, "out of memory\n");
		exit(1);
	}
	return p;
}

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}
