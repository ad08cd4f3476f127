#include "../operations.h"
