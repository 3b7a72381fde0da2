"""A plugin of CKAN that searches its database, because Solr is a Java archive that neither Debian nor PyPI has.

It knows what the connector asks for: the public packages, all or those of one organisation (`organization:<name>`), by name, in
pages. Everything else is CKAN's own, the largest page (`ckan.search.rows_max`) too.
"""

import json
import re

import ckan.plugins as plugins
from ckan import model
from ckan.lib.search.index import PackageSearchIndex
from ckan.lib.search.query import PackageSearchQuery


def search(self, query, permission_labels=None, **more):
    found = model.Session.query(model.Package).filter_by(state="active", private=False)
    if of := re.search(r'\borganization:"?([\w-]+)', str(query.get("fq"))):
        owner = model.Group.get(of[1])
        found = found.filter_by(owner_org=owner.id if owner else None)
    page = found.order_by(model.Package.name).offset(int(query.get("start") or 0)).limit(int(query.get("rows") or 10))
    show = plugins.toolkit.get_action("package_show")
    shown = (json.dumps(show({"ignore_auth": True}, {"id": package.id})) for package in page)
    self.count, self.facets, self.results = found.count(), {}, [{"validated_data_dict": package} for package in shown]
    return {"count": self.count, "results": self.results}


class DatabaseSearch(plugins.SingletonPlugin):
    """Naming it in `ckan.plugins` is what loads this file."""


PackageSearchQuery.run = search
for name in ("index_package", "remove_dict", "delete_package"):
    setattr(PackageSearchIndex, name, lambda self, *arguments, **more: None)
