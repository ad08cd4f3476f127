#include "../../calls.h"
