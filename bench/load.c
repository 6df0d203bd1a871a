/*-------------------------------------------------------------------------
 *
 * load.c
 *	  Load a file over libpq and tell how long it took.
 *
 * usage: load conninfo write file lines_per_call
 *		calls rusts_write with that many lines each, one transaction a call
 *	   load conninfo copy file table
 *		COPY table FROM STDIN (FORMAT csv), in one transaction
 *
 * The file is read before the clock starts.  Prints rows and seconds.
 *
 * bench/load.c
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libpq-fe.h>

#define COPY_CHUNK	65536

/* catalog/pg_type_d.h */
#define BYTEAOID	17

static char *read_file(const char *name, size_t *len);
static long load_write(PGconn *conn, const char *data, size_t len,
					   long per_call);
static long take_answer(PGconn *conn);
static long load_copy(PGconn *conn, const char *data, size_t len,
					  const char *table);
static void fail(PGconn *conn);
static double now(void);

int
main(int argc, char **argv)
{
	PGconn	   *conn;
	char	   *data;
	size_t		len;
	double		start;
	long		rows;

	if (argc != 5)
	{
		fprintf(stderr, "usage: %s conninfo write|copy file calls|table\n",
				argv[0]);
		return 2;
	}
	data = read_file(argv[3], &len);
	conn = PQconnectdb(argv[1]);
	if (PQstatus(conn) != CONNECTION_OK)
		fail(conn);
	start = now();
	if (strcmp(argv[2], "copy") == 0)
		rows = load_copy(conn, data, len, argv[4]);
	else
		rows = load_write(conn, data, len, atol(argv[4]));
	printf("%ld %.3f\n", rows, now() - start);
	PQfinish(conn);
	free(data);
	return 0;
}

/*
 * Each call is a transaction.  Two are under way at a time, as in COPY: while
 * the server works on one the next is being sent.
 */
static long
load_write(PGconn *conn, const char *data, size_t len, long per_call)
{
	static const Oid types[1] = {BYTEAOID};
	static const int binary[1] = {1};
	const char *end = data + len;
	long		rows = 0;
	int			under_way = 0;
	PGresult   *res;

	res = PQprepare(conn, "w", "SELECT rusts_write($1)", 1, types);
	if (PQresultStatus(res) != PGRES_COMMAND_OK)
		fail(conn);
	PQclear(res);
	if (!PQenterPipelineMode(conn))
		fail(conn);
	while (data < end)
	{
		const char *stop = data;
		const char *values[1] = {data};
		int			lengths[1];

		for (long i = 0; i < per_call && stop < end; i++)
		{
			const char *eol = memchr(stop, '\n', end - stop);

			stop = eol == NULL ? end : eol + 1;
		}
		lengths[0] = (int) (stop - data);
		if (!PQsendQueryPrepared(conn, "w", 1, values, lengths, binary, 0) ||
			!PQpipelineSync(conn))
			fail(conn);
		if (++under_way == 2)
		{
			rows += take_answer(conn);
			under_way--;
		}
		data = stop;
	}
	while (under_way-- > 0)
		rows += take_answer(conn);
	return rows;
}

/* The points that the oldest call under way has written. */
static long
take_answer(PGconn *conn)
{
	PGresult   *res = PQgetResult(conn);
	long		rows;

	if (PQresultStatus(res) != PGRES_TUPLES_OK)
		fail(conn);
	rows = atol(PQgetvalue(res, 0, 0));
	PQclear(res);
	res = PQgetResult(conn);
	if (res != NULL)
		fail(conn);
	res = PQgetResult(conn);
	if (PQresultStatus(res) != PGRES_PIPELINE_SYNC)
		fail(conn);
	PQclear(res);
	return rows;
}

static long
load_copy(PGconn *conn, const char *data, size_t len, const char *table)
{
	char		command[256];
	long		rows;
	PGresult   *res;

	snprintf(command, sizeof(command), "COPY %s FROM STDIN (FORMAT csv)",
			 table);
	res = PQexec(conn, command);
	if (PQresultStatus(res) != PGRES_COPY_IN)
		fail(conn);
	PQclear(res);
	for (size_t pos = 0; pos < len; pos += COPY_CHUNK)
	{
		size_t		n = len - pos < COPY_CHUNK ? len - pos : COPY_CHUNK;

		if (PQputCopyData(conn, data + pos, (int) n) != 1)
			fail(conn);
	}
	if (PQputCopyEnd(conn, NULL) != 1)
		fail(conn);
	res = PQgetResult(conn);
	if (PQresultStatus(res) != PGRES_COMMAND_OK)
		fail(conn);
	rows = atol(PQcmdTuples(res));
	PQclear(res);
	return rows;
}

/* The whole file, with a spare byte after it. */
static char *
read_file(const char *name, size_t *len)
{
	FILE	   *file = fopen(name, "rb");
	char	   *data;
	long		size;

	if (file == NULL || fseek(file, 0, SEEK_END) != 0 ||
		(size = ftell(file)) < 0 || fseek(file, 0, SEEK_SET) != 0 ||
		(data = malloc((size_t) size + 1)) == NULL ||
		fread(data, 1, (size_t) size, file) != (size_t) size)
	{
		perror(name);
		exit(1);
	}
	fclose(file);
	data[size] = '\0';
	*len = (size_t) size;
	return data;
}

static void
fail(PGconn *conn)
{
	fprintf(stderr, "%s", PQerrorMessage(conn));
	exit(1);
}

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}
