/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  What differs between PostgreSQL 15, 16, 17 and 18, in one place.
 *
 * src/compat.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_COMPAT_H
#define RUSTS_COMPAT_H

#include "access/stratnum.h"
#include "access/table.h"
#include "access/xlog.h"
#include "nodes/pathnodes.h"
#include "storage/smgr.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#if PG_VERSION_NUM < 150000 || PG_VERSION_NUM >= 190000
#error "rusts needs PostgreSQL 15 to 18"
#endif

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* What nodes use of commands/explain.h has moved. */
#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#endif

/* Relations of the query: with more than one, names are qualified. */
#if PG_VERSION_NUM < 180000
#define rusts_explain_nrelations(es)	list_length((es)->rtable)
#else
#define rusts_explain_nrelations(es)	((es)->rtable_size)
#endif

#if PG_VERSION_NUM < 160000
#include "storage/relfilenode.h"

typedef RelFileNode RelFileLocator;

#define RelationLocator(rel)		((rel)->rd_node)
#define SMgrLocator(smgr)			((smgr)->smgr_rnode.node)
#define RelNumberOf(locator)		((locator).relNode)
#else
#include "storage/relfilelocator.h"

#define RelationLocator(rel)		((rel)->rd_locator)
#define SMgrLocator(smgr)			((smgr)->smgr_rlocator.locator)
#define RelNumberOf(locator)		((locator).relNumber)
#endif


/* Is roleid an owner of this relation, or database? */
#if PG_VERSION_NUM < 160000
#define rusts_is_owner(relid, roleid)	pg_class_ownercheck((relid), (roleid))
#define rusts_is_database_owner(database, roleid) \
	pg_database_ownercheck((database), (roleid))
#else
#define rusts_is_owner(relid, roleid) \
	object_ownercheck(RelationRelationId, (relid), (roleid))
#define rusts_is_database_owner(database, roleid) \
	object_ownercheck(DatabaseRelationId, (database), (roleid))
#endif

/* How rows of a partitioned table become those of one of its partitions. */
#if PG_VERSION_NUM < 160000
#define rusts_root_to_child_map(rinfo, estate) ((rinfo)->ri_RootToPartitionMap)
#else
#define rusts_root_to_child_map(rinfo, estate) \
	ExecGetRootToChildMap((rinfo), (estate))
#endif

/* Make *xid the later of itself and who has removed a dead row. */
#if PG_VERSION_NUM < 160000
#define rusts_advance_removed_xid(tuple, xid) \
	HeapTupleHeaderAdvanceLatestRemovedXid((tuple), (xid))
#else
#define rusts_advance_removed_xid(tuple, xid) \
	HeapTupleHeaderAdvanceConflictHorizon((tuple), (xid))
#endif

/* Fill an xl_btree_reuse_page. */
#if PG_VERSION_NUM < 160000
#define rusts_set_reuse_record(record, locator, xid) \
	((record)->node = (locator), (record)->latestRemovedFullXid = (xid))
#else
#define rusts_set_reuse_record(record, file, xid) \
	((record)->locator = (file), (record)->snapshotConflictHorizon = (xid))
#endif

/* pg_class_aclcheck is in all of them. */
#define rusts_class_aclcheck(relid, roleid, mode) \
	pg_class_aclcheck((relid), (roleid), (mode))

/* What roleid may do with a tablespace. */
#if PG_VERSION_NUM < 160000
#define rusts_tablespace_aclcheck(tablespace, roleid, mode) \
	pg_tablespace_aclcheck((tablespace), (roleid), (mode))
#else
#define rusts_tablespace_aclcheck(tablespace, roleid, mode) \
	object_aclcheck(TableSpaceRelationId, (tablespace), (roleid), (mode))
#endif

#if PG_VERSION_NUM < 180000
#define rusts_index_beginscan(heap, index, snapshot, nkeys) \
	index_beginscan((heap), (index), (snapshot), (nkeys), 0)
#else
#define rusts_index_beginscan(heap, index, snapshot, nkeys) \
	index_beginscan((heap), (index), (snapshot), NULL, (nkeys), 0)
#endif

/* Does this transaction hold a lock in this mode? */
#if PG_VERSION_NUM < 170000
#define rusts_lock_held(tag, mode)	LockHeldByMe((tag), (mode))
#else
#define rusts_lock_held(tag, mode)	LockHeldByMe((tag), (mode), false)
#endif

/* Write a relation anew, as VACUUM FULL does; needs commands/cluster.h. */
#if PG_VERSION_NUM < 180000
#define rusts_rewrite_relation(relid) \
	cluster_rel((relid), InvalidOid, &(ClusterParams) {0})
#else
#define rusts_rewrite_relation(relid) \
	cluster_rel(table_open((relid), AccessExclusiveLock), InvalidOid, \
				&(ClusterParams) {0})
#endif

/* Count an updated row in the statistics. */
#if PG_VERSION_NUM < 160000
#define rusts_count_update(rel)		pgstat_count_heap_update((rel), false)
#else
#define rusts_count_update(rel) \
	pgstat_count_heap_update((rel), false, false)
#endif

/* Is a column free of nulls?  From 18 on NOT NULL may be NOT VALID. */
#if PG_VERSION_NUM < 180000
#define rusts_is_not_null(desc, i)	(TupleDescAttr((desc), (i))->attnotnull)
#else
#define rusts_is_not_null(desc, i) \
	(TupleDescCompactAttr((desc), (i))->attnullability == ATTNULLABLE_VALID)
#endif

/* Does the Var stand for its column after an outer join, perhaps null? */
#if PG_VERSION_NUM < 160000
#define rusts_is_nulled_var(var)	false
#else
#define rusts_is_nulled_var(var)	((var)->varnullingrels != NULL)
#endif

/* The operator that orders by a pathkey, for a type of its class. */
#if PG_VERSION_NUM < 180000
#define rusts_pathkey_operator(pathkey, type) \
	get_opfamily_member((pathkey)->pk_opfamily, (type), (type), \
						(pathkey)->pk_strategy)
#define RUSTS_ORDER_ASCENDING		BTLessStrategyNumber
#else
#define rusts_pathkey_operator(pathkey, type) \
	get_opfamily_member_for_cmptype((pathkey)->pk_opfamily, (type), (type), \
									(pathkey)->pk_cmptype)
#define RUSTS_ORDER_ASCENDING		COMPARE_LT
#endif

/* A set of events to wait for, freed by hand; needs storage/latch.h. */
#if PG_VERSION_NUM < 170000
#define rusts_create_wait_set(nevents) \
	CreateWaitEventSet(TopMemoryContext, (nevents))
#else
#define rusts_create_wait_set(nevents) \
	CreateWaitEventSet(NULL, (nevents))
#endif

/* What a class says of columns of rel. */
static inline List *
rusts_class_members(const EquivalenceClass *class, const RelOptInfo *rel)
{
#if PG_VERSION_NUM >= 180000
	if (rel->relid < class->ec_childmembers_size)
		return list_concat_copy(class->ec_members,
								class->ec_childmembers[rel->relid]);
#endif
	return class->ec_members;
}

/* Is this an operator to order by, and which way? */
static inline bool
rusts_order_direction(Oid operator, bool *descending)
{
	Oid			family;
	Oid			type;
#if PG_VERSION_NUM < 180000
	int16		direction;

	if (!get_ordering_op_properties(operator, &family, &type, &direction))
		return false;
	*descending = direction == BTGreaterStrategyNumber;
#else
	CompareType direction;

	if (!get_ordering_op_properties(operator, &family, &type, &direction))
		return false;
	*descending = direction == COMPARE_GT;
#endif
	return true;
}

typedef struct VacuumParams *VacuumParamsArg;

#ifndef pg_noreturn
#define pg_noreturn					__attribute__((noreturn))
#endif

/* Some came to 15 in a minor release, some with 16. */
#ifndef palloc_object
#define palloc_object(type)			((type *) palloc(sizeof(type)))
#endif
#ifndef palloc0_object
#define palloc0_object(type)		((type *) palloc0(sizeof(type)))
#endif
#ifndef palloc_array
#define palloc_array(type, count)	((type *) palloc(sizeof(type) * (count)))
#endif
#ifndef palloc0_array
#define palloc0_array(type, count)	((type *) palloc0(sizeof(type) * (count)))
#endif

#endif							/* RUSTS_COMPAT_H */
