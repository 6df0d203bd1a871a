#include "postgres.h"
#include "exec/agg_node.h"
const CustomScanMethods rusts_agg_methods = {.CustomName = "RustsAgg"};
