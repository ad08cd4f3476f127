#include "../tables.h"
