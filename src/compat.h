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

#include "access/xlog.h"
#include "storage/smgr.h"
#include "utils/rel.h"

#if PG_VERSION_NUM < 150000 || PG_VERSION_NUM >= 190000
#error "rusts needs PostgreSQL 15 to 18"
#endif

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
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


/* Is roleid an owner of this relation? */
#if PG_VERSION_NUM < 160000
#define rusts_is_owner(relid, roleid)	pg_class_ownercheck((relid), (roleid))
#else
#define rusts_is_owner(relid, roleid) \
	object_ownercheck(RelationRelationId, (relid), (roleid))
#endif

#if PG_VERSION_NUM < 180000
#define rusts_index_beginscan(heap, index, snapshot, nkeys) \
	index_beginscan((heap), (index), (snapshot), (nkeys), 0)
#else
#define rusts_index_beginscan(heap, index, snapshot, nkeys) \
	index_beginscan((heap), (index), (snapshot), NULL, (nkeys), 0)
#endif

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
