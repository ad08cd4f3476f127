#include "xen.h"
