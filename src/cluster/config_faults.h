/*-------------------------------------------------------------------------
 *
 * config_faults.h
 *	  What is wrong with a configuration, all of it at once.
 *
 * src/cluster/config_faults.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_CONFIG_FAULTS_H
#define RUSTS_CONFIG_FAULTS_H

#include "nodes/bitmapset.h"

/* So many are collected, and then one that says that there are more. */
#define RUSTS_MAX_CONFIG_FAULTS	1000

typedef struct RustsConfigFault
{
	int			line;			/* 0: the text as a whole */
	Bitmapset  *shards;			/* which ones the message is about, or NULL */
	char	   *message;
} RustsConfigFault;

typedef struct RustsConfigFaults
{
	int			nfaults;
	RustsConfigFault *faults;
	bool		more;
} RustsConfigFaults;

/* No faults yet; they will be in the current memory context. */
extern void rusts_config_faults_init(RustsConfigFaults *faults);

extern void rusts_config_fault(RustsConfigFaults *faults, int line,
							   const char *format,...)
			pg_attribute_printf(3, 4);

/*
 * The same about a shard.  When the fault before differs in nothing but its
 * shards it gets this one, too.
 */
extern void rusts_config_shard_fault(RustsConfigFaults *faults, int line,
									 int shard, const char *format,...)
			pg_attribute_printf(4, 5);

/*
 * Order by line, those of no line first, and put the shards before their
 * messages.  Once, at the end.
 */
extern void rusts_config_faults_finish(RustsConfigFaults *faults);

/* "shard 3" or "shards 0-7, 9". */
extern char *rusts_shards_text(const Bitmapset *shards);

/*
 * What the configuration says, for a message: shortened, without control
 * characters, and in the server's encoding; the other one in double quotes.
 */
extern char *rusts_config_fault_text(const char *string);
extern char *rusts_config_fault_quote(const char *string);

#endif							/* RUSTS_CONFIG_FAULTS_H */
