/*-------------------------------------------------------------------------
 *
 * config_address.c
 *	  Addresses of nodes: host, host:port, [IPv6]:port.
 *
 * A message does not show what was given: somebody may have put a connection
 * string with a password there.
 *
 * src/cluster/config_address.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <arpa/inet.h>

#include "cluster/config_parts.h"

#define DEFAULT_PORT	5432

/* As long as the names that DNS has. */
#define MAX_HOST		253

static char *read_host(const char *text, size_t len);
static char *read_ipv6(const char *text, size_t len);
static bool read_port(const char *text, int *port);

bool
rusts_config_address(const RustsTomlValue *value, char **host, int *port,
					 RustsConfigFaults *faults)
{
	const char *text = value->string;
	const char *end;
	const char *rest;

	if (strlen(text) == value->length)
	{
		if (*text == '[')
		{
			end = strchr(text, ']');
			rest = end == NULL ? "" : end + 1;
			*host = end == NULL ? NULL : read_ipv6(text + 1, end - text - 1);
		}
		else
		{
			rest = text + strcspn(text, ":");
			*host = read_host(text, rest - text);
		}
		*port = DEFAULT_PORT;
		if (*host != NULL &&
			(*rest == '\0' || (*rest == ':' && read_port(rest + 1, port))))
			return true;
	}
	*host = NULL;
	rusts_config_fault(faults, value->line,
					   "address must be a host name, an IPv4 address or an IPv6 address in brackets, with \":\" and a port from 1 to 65535 or without");
	return false;
}

/* Letters count for the same, whether large or small. */
static char *
read_host(const char *text, size_t len)
{
	bool		numeric = true;
	struct in_addr address;
	char	   *host;
	size_t		i;

	if (len == 0 || len > MAX_HOST || strchr("-.", text[0]) != NULL)
		return NULL;
	host = pnstrdup(text, len);
	for (i = 0; i < len; i++)
	{
		host[i] = pg_ascii_tolower((unsigned char) host[i]);
		if (host[i] >= 'a' && host[i] <= 'z')
			numeric = false;
		else if ((host[i] < '0' || host[i] > '9') && host[i] != '.')
		{
			if (host[i] != '-' && host[i] != '_')
				return NULL;
			numeric = false;
		}
	}
	if (numeric && inet_pton(AF_INET, host, &address) != 1)
		return NULL;
	return host;
}

/* Perhaps with the interface of a link-local address: fe80::1%eth0. */
static char *
read_ipv6(const char *text, size_t len)
{
	struct in6_addr address;
	char		shortest[INET6_ADDRSTRLEN];
	char	   *copy;
	char	   *scope;
	char	   *p;

	if (len == 0 || len > MAX_HOST)
		return NULL;
	copy = pnstrdup(text, len);
	scope = strchr(copy, '%');
	if (scope != NULL)
	{
		*scope++ = '\0';
		if (*scope == '\0')
			return NULL;
		for (p = scope; *p != '\0'; p++)
		{
			if (!isalnum((unsigned char) *p) && strchr("-._", *p) == NULL)
				return NULL;
		}
	}
	if (inet_pton(AF_INET6, copy, &address) != 1 ||
		inet_ntop(AF_INET6, &address, shortest, sizeof(shortest)) == NULL)
		return NULL;
	return scope == NULL ? pstrdup(shortest) :
		psprintf("%s%%%s", shortest, scope);
}

static bool
read_port(const char *text, int *port)
{
	size_t		len = strlen(text);

	if (len == 0 || len > 5 || strspn(text, "0123456789") != len)
		return false;
	*port = atoi(text);
	return *port >= 1 && *port <= 65535;
}
