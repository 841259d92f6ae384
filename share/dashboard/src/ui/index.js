/* SPDX-License-Identifier: MIT
 *
 * All that pages are made of, in one import.
 */
export { Badge, StateBadge, TeamName, Dot } from "./badge.jsx";
export { Button, CopyButton, IconButton } from "./button.jsx";
export { Card } from "./card.jsx";
export { ConfirmDialog, Dialog } from "./dialog.jsx";
export { Diff } from "./diff.jsx";
export { Empty, ErrorBox, Spinner } from "./empty.jsx";
export { Check, Field, Input, Select, Textarea } from "./field.jsx";
export { Icon } from "./icons.jsx";
export { JsonView } from "./json.jsx";
export { Menu } from "./menu.jsx";
export { Money, Text, TimeAgo, useNow } from "./text.jsx";
export { Table } from "./table.jsx";
export { Tabs } from "./tabs.jsx";
export { toast, Toasts } from "./toast.jsx";
export { VirtualList } from "./virtual.jsx";
