from tests.support.site import clean, new_site, site

__all__ = ["clean", "new_site", "site"]
