"""Who a tenant is as a seller: names, address and tax data on invoices, and whether taxes are charged at all."""  # noqa: A005 (a package inside tenants; nothing imports it as `profile`)
