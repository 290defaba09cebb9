#include "CSupport.h"
typedef int csupport_empty;
