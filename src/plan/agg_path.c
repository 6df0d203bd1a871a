#include "postgres.h"
#include "plan/plan.h"
void
rusts_add_agg_paths(PlannerInfo *root, UpperRelationKind stage,
					RelOptInfo *input_rel, RelOptInfo *output_rel, void *extra)
{
}
