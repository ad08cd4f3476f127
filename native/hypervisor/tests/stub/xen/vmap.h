#include "../xen.h"
