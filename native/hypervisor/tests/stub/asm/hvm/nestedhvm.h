#include "../../tables.h"
