"""Being written."""
from typing import NewType
class Order: ...
Approved = NewType("Approved", Order)
